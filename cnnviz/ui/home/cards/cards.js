/* Cards with links into the app. A plain click stays in the app; any other one (a new tab, a copied address)
   is the browser's, as for every link. */

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cards");
  const described = JSON.stringify(data);
  if (root.described !== described) {
    root.described = described;
    root.className = `cards ${data.look}`;
    root.replaceChildren(...data.cards.map(data.look === "chips" ? chip : card));
  }
  root.onclick = (event) => {
    const followed = event.target.closest("a");
    const elsewhere = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!followed || elsewhere) return;
    event.preventDefault();
    setTriggerValue("followed", followed.dataset.name);
  };
}

function chip({ heading, about }) {
  const found = link(heading);
  if (about) found.title = about;
  return found;
}

function card({ name, heading, picture, about, links }) {
  const parts = [element("h3", "", heading.address ? link(heading) : heading.label)];
  if (picture) {
    const drawn = element("div", "picture");
    drawn.innerHTML = picture;  // an image that the server has drawn
    parts.push(drawn);
  }
  if (about) parts.push(element("p", "", about));
  if (links.length) parts.push(element("nav", "links", ...links.map(link)));
  const found = element("section", "card", ...parts);
  found.dataset.name = name;
  return found;
}

function link({ name, label, icon, address }) {
  const found = element("a", "");
  if (icon) {
    const symbol = element("span", "icon", icon);
    symbol.setAttribute("aria-hidden", "true");
    found.append(symbol);
  }
  found.append(label);
  found.href = address;
  found.dataset.name = name;
  return found;
}

function element(tag, style, ...children) {
  const found = document.createElement(tag);
  found.className = style;
  found.append(...children);
  return found;
}
