// The pages' connection to the message broker: five functions around the NATS client. What they carry, what is signed
// and what is believed is decided in app/src/broker/.
import { createInbox, headers, wsconnect } from "@nats-io/nats-core";

// Milliseconds.
const CONNECT_TIMEOUT = 10_000;
const ANSWER_TIMEOUT = 5_000;
const PING_INTERVAL = 20_000;
// How often a consumer says that it is there while it has nothing to deliver, in seconds; and how long it is believed to be
// when it does not, in milliseconds.
const HEARTBEAT = 5;
const SILENCE = 12_000;

/**
 * Connects and signs in. `sign` gets the broker's nonce, or an empty text if it gave none, and returns `[nkey, sig]`; it
 * is called at most once. `ended` is called once with the reason (see `reasonOf`) when an established connection is over.
 * Rejects with the reason as a text.
 */
export async function connect(url, inboxPrefix, sign, ended) {
  // The library does not pass on what its authenticator throws.
  let refusal;
  let isSigned = false;
  const authenticator = (nonce) => {
    try {
      const [nkey, sig] = sign(nonce ?? "");
      isSigned = true;
      return { nkey, sig };
    } catch (error) {
      refusal = "nonce";
      throw error;
    }
  };
  try {
    const connection = await wsconnect({
      servers: [url],
      name: "kez-chat page",
      inboxPrefix,
      authenticator,
      timeout: CONNECT_TIMEOUT,
      pingInterval: PING_INTERVAL,
      // A page knows when its person is offline and says when it tries again; the library knows neither.
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    });
    void connection.closed().then((error) => ended(reasonOf(error)));
    return connection;
  } catch (error) {
    const reason = refusal ?? reasonOf(error);
    // The broker's word of a refusal gets lost when its closing the connection overtakes it.
    throw isSigned && reason === "lost" ? "refused" : reason;
  }
}

/** Sends a message to a stream, which takes one with the same `id` once; the stream's answer, as bytes of JSON. */
export async function send(connection, subject, id, data) {
  const head = headers();
  head.set("Nats-Msg-Id", id);
  try {
    const answer = await connection.request(subject, data, { timeout: ANSWER_TIMEOUT, headers: head });
    return answer.data;
  } catch (error) {
    throw reasonOf(error);
  }
}

/**
 * Waits so many seconds for one message of a consumer, ten at least. Resolves with its subject, its bytes and the subject
 * that acknowledges it; or with a status: 408 when none came, 503 when there is no consumer, another that the broker chose,
 * or 0 when the connection is over.
 */
export function pull(connection, subject, seconds) {
  return new Promise((resolve) => {
    const inbox = createInbox(connection.options.inboxPrefix);
    const until = Date.now() + seconds * 1000;
    let late;
    // The broker's own word that time is over may get lost; a consumer that says nothing long before is none.
    const wait = () => {
      clearTimeout(late);
      late = setTimeout(() => end(Date.now() < until ? 503 : 408), SILENCE);
    };
    const end = (outcome) => {
      clearTimeout(late);
      subscription.unsubscribe();
      resolve(outcome);
    };
    const subscription = connection.subscribe(inbox, {
      callback: (error, { subject, data, reply, headers }) => {
        // Messages can be acknowledged and statuses cannot. Headers do not tell: a sender writes what it likes there.
        if (!error && !reply && headers?.code === 100) wait();
        else end(error ? 403 : reply ? [subject, data, reply] : (headers?.code ?? 0));
      },
    });
    wait();
    void subscription.closed.then(() => end(0));
    connection.publish(subject, JSON.stringify({ batch: 1, expires: seconds * 1e9, idle_heartbeat: HEARTBEAT * 1e9 }), { reply: inbox });
  });
}

/** Tells the consumer that a message was dealt with. */
export function acknowledge(connection, subject) {
  connection.publish(subject, "+ACK");
}

/** Closes a connection, or nothing where it is over already. */
export function close(connection) {
  void connection.close().catch(() => undefined);
}

/** Why something ended, in one word: the library's own errors are classes that get lost in the bundle. */
function reasonOf(error) {
  switch (error?.name) {
    case "AuthorizationError":
      return "refused";
    case "UserAuthenticationExpiredError":
      return "expired";
    case "NoResponders":
      return "nobody";
    case "PermissionViolationError":
      return "forbidden";
    case "TimeoutError":
      return "timeout";
    default:
      return error?.cause === undefined ? "lost" : reasonOf(error.cause);
  }
}
