import type { Component } from '@lunadefend/contract/frame-messages'

/**
 * How a secure element looks before the page says otherwise: like the browser's own text fields. The element draws
 * border, background and focus ring; the frame lies over its padding and draws the text. Its size comes from a strut
 * in the page, never from the frame, so nothing moves when the frame arrives and the content cannot be measured.
 */
const FIELD = `
:host {
  position: relative;
  display: inline-block;
  box-sizing: border-box;
  max-inline-size: 100%;
  inline-size: 22ch;
  padding: 2px 4px;
  border: 1px solid light-dark(#767676, #858585);
  border-radius: 3px;
  background-color: Field;
  color: FieldText;
  text-align: start;
  cursor: text;
}
:host([hidden]) { display: none; }
:host(:disabled) { color: GrayText; cursor: default; }
:host(:state(focused)) { outline: 2px solid Highlight; outline-offset: 0; }
iframe {
  position: absolute;
  inset: 0;
  inline-size: 100%;
  block-size: 100%;
  border: 0;
  border-radius: inherit;
  color-scheme: normal;
  opacity: 0;
}
:host(:state(ready)) iframe { opacity: 1; }
.strut { display: block; block-size: calc(var(--lines, 1) * 1lh); outline: 0; user-select: none; }
.strut::before { content: '\\200b'; }
@media (forced-colors: active) { :host { forced-color-adjust: auto; } }
`

const TEXTAREA = `
:host { --lines: 3; inline-size: 40ch; }
`

/**
 * Options as wide and as high as the frame draws them: a box or a dot, and the words beside it. A frame is so many whole
 * pixels wide: what is over is left beside the words, so that they do not need another line in there.
 */
const TICKS = `
:host { inline-size: auto; padding: 0; border: 0; border-radius: 0; background-color: transparent; color: inherit; cursor: auto; vertical-align: bottom; }
:host(:state(focused)) { outline: 0; }
iframe { border-radius: 0; }
.strut { block-size: auto; min-block-size: 1lh; min-inline-size: 1.6em; visibility: hidden; }
.strut::before { content: none; }
.row { display: block; min-block-size: 1lh; padding-inline: 1.6em 2px; }
`

const PARAGRAPH = `
:host { display: block; inline-size: auto; padding: 0; border: 0; border-radius: 0; background-color: transparent; color: inherit; cursor: auto; }
`

const UPLOAD = `
:host { --lines: 8; display: block; inline-size: auto; max-inline-size: 60ch; }
`

/** As a picture in HTML that has not said how big it is. */
const IMAGE = `
:host { display: inline-block; inline-size: 300px; block-size: 150px; vertical-align: bottom; }
.strut { block-size: 100%; }
`

const DOWNLOAD = `
:host { --lines: 3; }
`

/** A header and so many rows as `lines` says, each as high as in the frame. */
const TABLE = `
:host { display: block; inline-size: auto; padding: 0; cursor: auto; --lines: 10; }
.strut { block-size: calc((var(--lines) + 1) * (1lh + 0.75em + 1px)); }
`

const sheets = new Map<string, CSSStyleSheet>()

const TEXTS = {
  input: [FIELD],
  'masked-input': [FIELD],
  textarea: [FIELD, TEXTAREA],
  select: [FIELD],
  radio: [FIELD, TICKS],
  checkbox: [FIELD, TICKS],
  paragraph: [FIELD, PARAGRAPH],
  upload: [FIELD, UPLOAD],
  image: [FIELD, PARAGRAPH, IMAGE],
  download: [FIELD, PARAGRAPH, DOWNLOAD],
  table: [FIELD, TABLE],
} satisfies Record<Component, readonly string[]>

/** Constructed sheets, because a page's CSP may forbid `<style>`. */
export function sheetsFor(component: Component): CSSStyleSheet[] {
  return TEXTS[component].map((text) => {
    const sheet = sheets.get(text) ?? new CSSStyleSheet()
    if (!sheets.has(text)) sheet.replaceSync(text)
    sheets.set(text, sheet)
    return sheet
  })
}

/** The part that gives the element its size and its baseline. */
export function makeStrut(): HTMLElement {
  const strut = document.createElement('span')
  strut.className = 'strut'
  return strut
}

/** A line for each of these texts, in place of lines of a number. They are the page's own words, and hidden. */
export function setRows(strut: HTMLElement, texts: readonly string[]): void {
  const rows = texts.map((text) => {
    const row = document.createElement('span')
    row.className = 'row'
    row.textContent = text
    return row
  })
  strut.replaceChildren(...rows)
}

/** Height in lines of text; what is no sensible number falls back to the default. */
export function setLines(strut: HTMLElement, lines: string | null): void {
  if (lines !== null && /^[1-9]\d{0,2}$/.test(lines)) strut.style.setProperty('--lines', lines)
  else strut.style.removeProperty('--lines')
}

/** For `:state(name)` in the page's styles. Browsers before 2024 refuse a name without dashes, and go without. */
export function setState(internals: ElementInternals, name: string, on: boolean): void {
  try {
    if (on) internals.states.add(name)
    else internals.states.delete(name)
  } catch {}
}
