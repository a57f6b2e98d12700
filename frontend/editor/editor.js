// An editor of Python code: CodeMirror 6, sentences below the lines that they are about, a link to a table's rows.
//
// The server says which text belongs here (data.text, data.generation): a new generation replaces what is here, once;
// otherwise what the person has typed counts, and the server is told when their fingers rest or go elsewhere.

import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import { closeSearchPanel, findNext, findPrevious, gotoLine, openSearchPanel, search, searchPanelOpen } from "@codemirror/search";
import { Compartment, EditorState, RangeSet, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration, EditorView, GutterMarker, gutterLineClass, highlightActiveLine, highlightActiveLineGutter,
  highlightSpecialChars, keymap, lineNumbers, WidgetType,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const REST_MS = 300; // from the last keystroke until the server is told
const SENT_MS = 50; // until what was sent is surely on its way
const SIGNS = { error: "✗", warning: "⚠", remark: "ℹ" };
const ROWS = "tr[data-line]"; // of tables anywhere on the page

const setMarks = StateEffect.define();
const setPointed = StateEffect.define(); // a line from 1, or null

function element(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The line (from 1) that a row is about. */
function lineOf(row) {
  return row ? Number(row.dataset.line) : null;
}

/** What a mark says, below its line. */
class Sentence extends WidgetType {
  constructor(mark) {
    super();
    this.mark = mark;
  }
  eq({ mark }) {
    return mark.text === this.mark.text && mark.severity === this.mark.severity && mark.word === this.mark.word;
  }
  toDOM() {
    const { severity, word, text } = this.mark;
    const found = element("div", `cnnviz-mark cnnviz-mark-${severity}`);
    const sign = element("span", "cnnviz-mark-sign", SIGNS[severity]);
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", word);
    found.append(sign, element("span", "cnnviz-mark-text", text));
    return found;
  }
  ignoreEvent() {
    return true; // the sentence can be selected and copied
  }
}

class MarkedNumber extends GutterMarker {
  constructor(severity) {
    super();
    this.elementClass = `cnnviz-number-${severity}`;
  }
}

/** The marks as they are shown. They move with the text until the server has read it anew. */
const marks = StateField.define({
  create: () => ({ lines: Decoration.none, numbers: RangeSet.empty }),
  update({ lines, numbers }, transaction) {
    const told = transaction.effects.find((effect) => effect.is(setMarks));
    if (told) return decorated(transaction.state.doc, told.value);
    return { lines: lines.map(transaction.changes), numbers: numbers.map(transaction.changes) };
  },
  provide: (field) => [
    EditorView.decorations.from(field, (shown) => shown.lines),
    gutterLineClass.from(field, (shown) => shown.numbers),
  ],
});

function decorated(doc, told) {
  const lines = [];
  const numbers = [];
  for (const mark of told) {
    const line = doc.line(Math.max(1, Math.min(mark.line, doc.lines)));
    lines.push(Decoration.line({ class: `cnnviz-line-${mark.severity}` }).range(line.from));
    lines.push(Decoration.widget({ widget: new Sentence(mark), block: true, side: 1 }).range(line.to));
    numbers.push(new MarkedNumber(mark.severity).range(line.from));
  }
  return { lines: Decoration.set(lines, true), numbers: RangeSet.of(numbers, true) };
}

const POINTED = Decoration.line({ class: "cnnviz-pointed" });

/** The line that a row of a table leads to. */
const pointed = StateField.define({
  create: () => Decoration.none,
  update(shown, transaction) {
    const told = transaction.effects.find((effect) => effect.is(setPointed));
    if (!told) return shown.map(transaction.changes);
    const { doc } = transaction.state;
    return told.value >= 1 && told.value <= doc.lines
      ? Decoration.set(POINTED.range(doc.line(told.value).from))
      : Decoration.none;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Move the cursor to the next line with a mark, after the last one to the first. */
function nextMark(view) {
  const starts = [];
  view.state.field(marks).numbers.between(0, view.state.doc.length, (from) => void starts.push(from));
  if (!starts.length) return false;
  const here = view.state.selection.main.head;
  const line = view.state.doc.lineAt(here);
  const next = starts.find((from) => from > line.from) ?? starts[0];
  view.dispatch({ selection: { anchor: next }, scrollIntoView: true });
  return true;
}

/** Finding and replacing: without the commands that select in several places at once, which this editor does not show. */
const FINDING = [
  { key: "Mod-f", run: openSearchPanel, scope: "editor search-panel" },
  { key: "F3", run: findNext, shift: findPrevious, scope: "editor search-panel", preventDefault: true },
  { key: "Mod-g", run: findNext, shift: findPrevious, scope: "editor search-panel", preventDefault: true },
  { key: "Escape", run: closeSearchPanel, scope: "editor search-panel" },
  { key: "Mod-Alt-g", run: gotoLine },
];

let editors = 0; // ever opened on this page

class Editor {
  constructor(root) {
    this.root = root;
    this.timer = null;
    this.hint = element("div", "cnnviz-editor-hint");
    this.hint.id = `cnnviz-editor-hint-${++editors}`;
    this.status = element("div", "cnnviz-editor-status");
    this.status.setAttribute("role", "status");
    this.rule = document.createElement("style"); // shows the rows of a line, however often the table is drawn anew
    this.listening = new AbortController();
    this.words = new Compartment();
  }

  /** What the server says now: called whenever it, or the theme, changes. */
  show({ data, setStateValue }) {
    const text = data.text.replace(/\r\n?/g, "\n");
    this.send = setStateValue;
    this.data = data;
    if (!this.view) this.open(text);
    else if (data.generation !== this.generation) this.replace(text);
    this.generation = data.generation;
    this.hint.textContent = data.hint;
    this.view.contentDOM.setAttribute("aria-label", data.label);
    this.speak(data.phrases);
    // Marks are about the text that the server has read; what is typed meanwhile, it will read next.
    if (text === this.view.state.doc.toString()) this.mark(data.marks);
  }

  open(text) {
    this.view = new EditorView({
      state: EditorState.create({ doc: text, extensions: this.extensions() }),
    });
    this.root.replaceChildren(this.view.dom, this.hint, this.status, this.rule);
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.view.scrollDOM);
    this.linkRows();
    const { signal } = this.listening;
    // Streamlit has shortcuts of single letters
    for (const kind of ["keydown", "keyup"]) this.root.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    // CodeMirror's panel asks for what is in its fields when a key goes up: too late for Enter, never for what is pasted
    this.root.addEventListener("input", ({ target }) => {
      if (target.matches(".cm-search .cm-textfield")) target.dispatchEvent(new Event("change"));
    }, { signal });
    const first = { signal, capture: true };
    document.addEventListener("pointerdown", (event) => this.root.contains(event.target) || this.flush(), first);
    document.addEventListener("click", (event) => this.letSendFirst(event), first);
  }

  /** The words of CodeMirror's own panels, in the language of the page. */
  speak(phrases) {
    const told = JSON.stringify(phrases);
    if (told === this.spoken) return;
    this.spoken = told;
    const open = searchPanelOpen(this.view.state);
    if (open) closeSearchPanel(this.view);
    this.view.dispatch({ effects: this.words.reconfigure(EditorState.phrases.of(phrases)) });
    if (open) openSearchPanel(this.view);
  }

  extensions() {
    return [
      lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), highlightSpecialChars(), history(),
      new LanguageSupport(pythonLanguage), syntaxHighlighting(classHighlighter), indentUnit.of("    "),
      EditorState.tabSize.of(4), indentOnInput(), bracketMatching(), marks, pointed,
      search({ top: true }), this.words.of([]),
      keymap.of([
        { key: "Escape", run: (view) => (view.setTabFocusMode(true), false) },
        { key: "F8", run: nextMark },
        ...FINDING, indentWithTab, ...historyKeymap, ...defaultKeymap,
      ]),
      EditorView.contentAttributes.of({ "aria-describedby": this.hint.id }),
      EditorView.domEventHandlers({
        blur: (_event, view) => {
          view.setTabFocusMode(false);
          this.flush();
        },
        pointermove: (event, view) => this.pointRows(this.lineAt(view, event.clientY)),
        pointerleave: (_event, view) => this.pointRows(this.cursorLine(view)),
      }),
      EditorView.updateListener.of((update) => this.updated(update)),
    ];
  }

  updated({ view, docChanged, selectionSet, focusChanged, geometryChanged, transactions }) {
    if (docChanged) {
      this.marked = null;
      view.setTabFocusMode(false);
      if (!transactions.some((transaction) => transaction.isUserEvent("input.server"))) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.flush(), REST_MS);
      }
    }
    if (docChanged || selectionSet || focusChanged) this.pointRows(this.cursorLine(view));
    if (geometryChanged) this.measure();
  }

  /** Tell the server what is here, if it does not know yet. */
  flush() {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    const text = this.view.state.sliceDoc(0, this.data.most);
    this.send("typed", { text, generation: this.generation });
    this.sent = performance.now();
  }

  /** A link that is followed at once would overtake what was just typed, which would then lead back to this page. */
  letSendFirst(event) {
    const link = event.target.closest?.("a[href]");
    const wait = this.sent + SENT_MS - performance.now();
    if (!link || !(wait > 0) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    setTimeout(() => link.click(), wait);
  }

  /** Put another text in: one step to undo; the cursor and what is in sight stay where they can. */
  replace(text) {
    clearTimeout(this.timer);
    this.timer = null;
    const old = this.view.state.doc.toString();
    if (old === text) return;
    let from = 0;
    const shorter = Math.min(old.length, text.length);
    while (from < shorter && old[from] === text[from]) from++;
    let same = 0; // characters at the end
    while (same < shorter - from && old[old.length - 1 - same] === text[text.length - 1 - same]) same++;
    const to = old.length - same;
    const { head } = this.view.state.selection.main;
    const insert = text.slice(from, text.length - same);
    this.view.dispatch({
      changes: { from, to, insert },
      selection: head > from && head < to ? { anchor: from } : undefined,
      annotations: [isolateHistory.of("full"), Transaction.userEvent.of("input.server")],
    });
    const line = this.view.state.doc.lineAt(from).number;
    this.reveal(line);
    if (!`${old.slice(from, to)}${insert}`.includes("\n")) this.point(line); // until the pointer moves elsewhere
  }

  mark(told) {
    const described = JSON.stringify(told);
    if (described === this.marked) return;
    this.view.dispatch({ effects: setMarks.of(told) });
    this.marked = described;
    const said = told.map((mark) => `${mark.place} ${mark.text}`).join("\n");
    if (this.status.textContent !== said) this.status.textContent = said; // what is new is read out
  }

  /** A sentence is as wide as what is in sight of the code, however long the lines are. */
  measure() {
    this.view.requestMeasure({
      key: this,
      read: (view) => {
        const gutters = view.dom.querySelector(".cm-gutters").offsetWidth;
        return [gutters, view.scrollDOM.clientWidth - gutters];
      },
      write: ([gutters, width], view) => {
        view.dom.style.setProperty("--cnnviz-gutters", `${gutters}px`);
        view.dom.style.setProperty("--cnnviz-in-sight", `${width}px`);
      },
    });
  }

  // The lines and the rows of tables

  linkRows() {
    const { signal } = this.listening;
    const on = (kind, act) =>
      document.addEventListener(kind, (event) => act(event.target.closest?.(ROWS), event), { signal });
    on("pointerover", (row) => this.point(lineOf(row ?? document.activeElement?.closest(ROWS))));
    on("focusin", (row) => this.point(lineOf(row)));
    on("keydown", (row, event) => row && this.moveAlong(row, event));
    this.rows = new MutationObserver(() => this.makeFocusable());
    this.rows.observe(document.body, { childList: true, subtree: true });
    this.makeFocusable();
  }

  /** One row of each table is reached by Tab, the others from there by the arrows. */
  makeFocusable() {
    for (const row of document.querySelectorAll(`${ROWS}:not([tabindex])`)) {
      const first = !row.closest("table").querySelector(`${ROWS}[tabindex="0"]`);
      row.tabIndex = first ? 0 : -1;
    }
  }

  moveAlong(row, event) {
    if (event.key === "Enter") return this.goTo(row);
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const rows = [...row.closest("table").querySelectorAll(ROWS)];
    const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    event.preventDefault();
    if (!next) return;
    row.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Point at a line (from 1); with null at none. */
  point(line) {
    if (line === this.pointedLine) return;
    this.pointedLine = line;
    this.view.dispatch({ effects: setPointed.of(line) });
    if (line !== null) this.reveal(line);
  }

  goTo(row) {
    const { doc } = this.view.state;
    const line = doc.line(Math.min(lineOf(row), doc.lines));
    this.view.dispatch({ selection: { anchor: line.from + line.text.search(/\S|$/) }, scrollIntoView: true });
    this.view.focus();
  }

  /** Scroll the editor, and nothing around it, until a line (from 1) is in sight. */
  reveal(line) {
    if (line > this.view.state.doc.lines) return;
    this.view.requestMeasure({
      read: (view) => view.lineBlockAt(view.state.doc.line(line).from),
      write: ({ top, bottom }, { scrollDOM, documentPadding }) => {
        const above = top + documentPadding.top;
        const below = bottom + documentPadding.top;
        if (above < scrollDOM.scrollTop || below > scrollDOM.scrollTop + scrollDOM.clientHeight) {
          scrollDOM.scrollTop = above - scrollDOM.clientHeight / 3;
        }
      },
    });
  }

  lineAt(view, y) {
    const block = view.lineBlockAtHeight(y - view.documentTop);
    return view.state.doc.lineAt(block.from).number;
  }

  cursorLine(view) {
    return view.hasFocus ? view.state.doc.lineAt(view.state.selection.main.head).number : null;
  }

  /** Show the rows of tables that a line makes. */
  pointRows(line) {
    if (line === this.rowsOf) return;
    this.rowsOf = line;
    this.rule.textContent = line === null
      ? ""
      : `tr[data-line="${line}"] { background: color-mix(in srgb, var(--cnnviz-accent) 16%, transparent); }
         tr[data-line="${line}"] > td:first-child { box-shadow: inset 3px 0 var(--cnnviz-accent); }`;
  }

  close() {
    clearTimeout(this.timer);
    this.listening.abort();
    this.rows.disconnect();
    this.sizes.disconnect();
    for (const row of document.querySelectorAll(ROWS)) row.removeAttribute("tabindex");
    this.view.destroy();
  }
}

const opened = new WeakMap(); // element -> its editor

globalThis.cnnvizEditor = {
  /** Draw what a component of Streamlit was given into `root`. */
  show(root, component) {
    if (!opened.has(root)) opened.set(root, new Editor(root));
    opened.get(root).show(component);
  },
  close(root) {
    opened.get(root)?.close();
    opened.delete(root);
  },
};
document.dispatchEvent(new Event("cnnviz-editor"));

/** What Streamlit calls for the component that only brings this file. */
export default function () {}
