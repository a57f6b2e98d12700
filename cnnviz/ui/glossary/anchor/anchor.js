// Where the address ends in #stride, the entry of that name comes into sight: the browser itself looks for it before the
// page has come.
const ASKED = "cnnviz-asked";

export default function ({ parentElement }) {
  const root = parentElement.querySelector(".anchor");
  if (root.follow) return undefined;
  root.follow = follow;
  addEventListener("hashchange", follow);
  requestAnimationFrame(follow);
  return () => removeEventListener("hashchange", follow);
}

function follow() {
  const asked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (const marked of document.querySelectorAll("." + ASKED)) marked.classList.remove(ASKED);
  if (asked === null || asked.closest(".cnnviz-entries") === null) return;
  asked.classList.add(ASKED);
  asked.scrollIntoView({ block: "center" });
}
