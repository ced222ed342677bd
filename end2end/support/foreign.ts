// What extensions and translators do to a page. These functions run in it.

/** A password manager's and a translator's marks: an empty element behind each field, `<font>` around each label's text. */
export function meddle(): void {
  for (const field of document.querySelectorAll("input:not([data-seen])")) {
    field.setAttribute("data-seen", "");
    field.after(document.createElement("div"));
  }
  for (const label of document.querySelectorAll("label:not(:has(font))")) {
    const font = document.createElement("font");
    font.append(...label.childNodes);
    label.append(font);
  }
}

/** Puts other nodes in the place of every text that may be translated, as translators do. */
export function translate(): void {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const parent = text.parentElement;
    if (parent === null || text.data.trim() === "" || parent.closest("[translate=no], script, font, textarea") !== null) continue;
    const [outer, inner] = [document.createElement("font"), document.createElement("font")];
    inner.textContent = `«${text.data}»`;
    outer.append(inner);
    text.replaceWith(outer);
  }
}
