//! TXT records, asked of a name server of the test's own over UDP and TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use kez_chat_server::claims::State::{Failed, Proven, Unreachable};
use kez_chat_server::claims::dns::{Dns as _, NameServers, Unresolved};
use kez_chat_server::claims::{Outside, Verdict};
use kez_core::claim::{Kind, proof_text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::world::{Internet, chain, evidence, is, ok};

/// What the name server says: a code, whether it is cut off over UDP, and the records.
type Says = (ResponseCode, bool, Vec<Record>);

/// A name server that says one thing to everybody; none as long as it is silent.
async fn name_server(says: impl Fn(&Name) -> Option<Says> + Send + Sync + 'static) -> SocketAddr {
    let says = Arc::new(says);
    // One port for both; somebody else may have it for one of them.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().expect("an address");
    let over_udp = says.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
            if let Some(answer) = reply(&buffer[..length], &*over_udp, true) {
                udp.send_to(&answer, peer).await.expect("it is sent");
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.expect("a question");
            let answer = reply(&question, &*says, false).expect("an answer");
            stream.write_u16(u16::try_from(answer.len()).expect("it fits")).await.expect("it is sent");
            stream.write_all(&answer).await.expect("it is sent");
        }
    });
    address
}

fn reply(question: &[u8], says: &(dyn Fn(&Name) -> Option<Says> + Sync), over_udp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).expect("a question");
    let asked = question.queries.first().expect("a name").clone();
    let (code, is_cut_off, records) = says(asked.name())?;
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.metadata.response_code = code;
    answer.metadata.truncation = is_cut_off && over_udp;
    answer.queries.push(asked.clone());
    if !answer.metadata.truncation {
        answer.answers = records
            .into_iter()
            .filter(|record| record.record_type() == asked.query_type() || record.record_type().is_cname())
            .collect();
    }
    Some(answer.to_vec().expect("it is a message"))
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn txt(owner: &str, strings: &[&str]) -> Record {
    let strings = strings.iter().map(|text| (*text).to_owned()).collect();
    Record::from_rdata(name(owner), 60, RData::TXT(TXT::new(strings)))
}

async fn verdict(says: impl Fn(&Name) -> Option<Says> + Send + Sync + 'static) -> Verdict {
    let internet = Internet::start(|_, _| ok("")).await;
    let dns = Arc::new(NameServers::at(name_server(says).await).expect("a name server"));
    let outside = Outside { dns, patience: Duration::from_secs(4), ..internet.outside() };
    outside.check(&evidence("dns", "example.org", ""), &chain()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_proves_or_not() {
    let proof = proof_text(Kind::Dns, &chain());
    let (first, rest) = proof.split_at(20);
    let owner = "_kez.example.org.";
    let cases = [
        (vec![txt(owner, &[&proof])], Proven),
        (vec![txt(owner, &["v=spf1 -all"]), txt(owner, &[&proof])], Proven),
        (vec![txt(owner, &[first, rest])], Proven),
        (
            vec![
                Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name("kez.host.example.")))),
                txt("kez.host.example.", &[&proof]),
            ],
            Proven,
        ),
        (vec![txt(owner, &[first]), txt(owner, &[rest])], Failed),
        (vec![txt(owner, &[&format!("{proof} ")])], Failed),
        (vec![txt(owner, &[&format!("{proof};"), "x"])], Failed),
    ];
    for (records, state) in cases {
        let shown = format!("{records:?}");
        let says = move |asked: &Name| {
            assert!(asked.to_ascii().eq_ignore_ascii_case("_kez.example.org."), "{asked}");
            Some((ResponseCode::NoError, false, records.clone()))
        };
        assert_eq!(verdict(says).await.state, state, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_nothing_is_proven() {
    is(verdict(|_| Some((ResponseCode::NoError, false, Vec::new()))).await, Failed, "There is nothing");
    is(verdict(|_| Some((ResponseCode::NXDomain, false, Vec::new()))).await, Failed, "There is nothing");
    is(verdict(|_| Some((ResponseCode::ServFail, false, Vec::new()))).await, Unreachable, "No name server");
    is(verdict(|_| Some((ResponseCode::Refused, false, Vec::new()))).await, Unreachable, "No name server");
    let silent = verdict(|_| None).await;
    assert_eq!(silent.state, Unreachable, "{silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_come_over_tcp() {
    let proof = proof_text(Kind::Dns, &chain());
    let mut records: Vec<Record> = (0..40).map(|n| txt("_kez.example.org.", &[&format!("{n:0>200}")])).collect();
    records.push(txt("_kez.example.org.", &[&proof]));
    let found = verdict(move |_| Some((ResponseCode::NoError, true, records.clone()))).await;
    assert_eq!(found.state, Proven, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_looked_up_whole_and_without_the_hosts_file() {
    let says = |asked: &Name| {
        let is_known = asked.to_ascii().eq_ignore_ascii_case("example.org.");
        let record = Record::from_rdata(asked.clone(), 60, RData::A(A::new(192, 0, 2, 7)));
        Some(if is_known {
            (ResponseCode::NoError, false, vec![record])
        } else {
            (ResponseCode::NXDomain, false, Vec::new())
        })
    };
    let dns = NameServers::at(name_server(says).await).expect("a name server");
    assert_eq!(dns.addresses("example.org").await, Ok(vec!["192.0.2.7".parse().expect("an address")]));
    assert_eq!(dns.addresses("other.example").await, Ok(Vec::new()));
    assert_eq!(dns.addresses("ip6-localhost").await, Ok(Vec::new()));
    let dns = NameServers::at(name_server(|_| Some((ResponseCode::ServFail, false, Vec::new()))).await).expect("one");
    assert_eq!(dns.addresses("example.org").await, Err(Unresolved));
}
