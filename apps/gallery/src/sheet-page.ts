import { LOCALES, type Locale } from '@lunadefend/contract/frame-texts'
import { attribute, escaped } from './html.ts'
import { directionOf, LANGUAGES, SAID, type Words } from './languages.ts'
import type { SampleName } from './samples.ts'
import { type Deed, type Fate, SHEETS, type Sheet, type State } from './sheets.ts'

export const THEMES = {
  light: 'Light',
  dark: 'Dark',
  forced: 'Forced colours',
  own: 'Own appearance',
} as const
export type Theme = keyof typeof THEMES

export interface PageNeeds {
  readonly sheet: Sheet
  readonly language: Locale
  readonly theme: Theme
  readonly tokenizerUrl: string
  readonly tokens: Readonly<Record<SampleName, string>>
}

/** One sheet: every state of a component, in one language and one theme. */
export function sheetPage(needs: PageNeeds): string {
  const { sheet, language, theme, tokenizerUrl } = needs
  const cells = sheet.states.map((state, index) => cell(needs, state, index)).join('\n')
  return `<!doctype html>
<html lang="en" data-theme="${theme}" data-tokenizer="${escaped(tokenizerUrl)}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(sheet.title)} · Gallery of LunaDefend</title>
<link rel="stylesheet" href="/gallery.css"><script type="module" src="/gallery.js"></script></head>
<body>
<header><p class="brand">LunaDefend <span>Gallery</span></p>${switches(needs)}</header>
<nav aria-label="Components"><ul>${SHEETS.map((each) => entry(needs, each)).join('')}</ul></nav>
<main>
<h1>${escaped(sheet.title)}</h1>
<p class="note">${NOTE}</p>
<p class="note only-forced">${FORCED}</p>
<section class="sheet" data-columns="${sheet.columns}" lang="${language}" dir="${directionOf(language)}" aria-label="${escaped(sheet.title)}">
${cells}
</section></main>
</body></html>`
}

const NOTE =
  'Each component stands here as on any page: its frame comes from a Tokenizer that runs in the same process as this gallery. ' +
  'Where a state needs a user, it says what to do.'
const FORCED =
  'Forced colours are the browser’s or the system’s to switch on: in the developer tools of Chromium under Rendering, “forced-colors: active”.'

function entry({ language, theme, sheet }: PageNeeds, { id, title }: Sheet): string {
  const current = id === sheet.id ? ' aria-current="page"' : ''
  return `<li><a href="/${id}?lang=${language}&amp;theme=${theme}"${current}>${escaped(title)}</a></li>`
}

function switches({ theme, language }: PageNeeds): string {
  const themes = Object.entries(THEMES).map(([id, name]) => choice('theme', id, name, id === theme))
  const languages = LOCALES.map((id) => choice('lang', id, LANGUAGES[id], id === language, id))
  return `<form><fieldset><legend>Theme</legend>${themes.join('')}</fieldset>
<fieldset><legend>Language</legend>${languages.join('')}</fieldset></form>`
}

function choice(name: string, value: string, text: string, isOn: boolean, lang = 'en'): string {
  const checked = isOn ? ' checked' : ''
  return `<label lang="${lang}"><input type="radio" name="${name}" value="${value}"${checked}> ${escaped(text)}</label>`
}

function cell(needs: PageNeeds, state: State, index: number): string {
  const { sheet, language } = needs
  const id = idOf(index)
  const text = (state.label ?? sheet.label)[language]
  const label = sheet.isField ? `<label for="${id}">${escaped(text)}</label>` : ''
  return `<article><h2 lang="en" dir="ltr">${escaped(state.title)}</h2>
<div class="stage">${label}${element(needs, state, id)}</div>
<div class="about" lang="en" dir="ltr">${(state.user ?? []).map(told).join('')}<pre tabindex="0" aria-label="Code of: ${escaped(state.title)}"><code>${escaped(code(sheet, state, language))}</code></pre></div></article>`
}

/** Of an element, by its place on the sheet. */
export function idOf(index: number): string {
  return `state-${index}`
}

function element(needs: PageNeeds, state: State, id: string): string {
  const { sheet, tokens, language } = needs
  const token = state.sample === undefined ? {} : { token: tokens[state.sample] }
  const name = sheet.isField ? {} : { 'aria-label': (state.label ?? sheet.label)[language] }
  const given = { id, ...name, ...said(state, language), ...token, ...tableData(needs, state) }
  const attributes = Object.entries(given).map(([key, value]) => attribute(key, value))
  return `<${sheet.tag}${attributes.join('')}>${content(sheet, language, '')}</${sheet.tag}>`
}

function said({ attributes = {} }: State, language: Locale): Record<string, string | true> {
  const entries = Object.entries(attributes)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'object' ? (value as Words)[language] : value]),
  )
}

/** Properties, which no attribute can hold: the page's script sets them. */
function tableData({ tokens, language }: PageNeeds, { rows }: State): Record<string, string> {
  if (rows === undefined) return {}
  const columns = [
    { key: 'name', label: SAID.customer[language], width: 120 },
    { key: 'card', label: SAID.card[language], secure: true },
  ]
  const made = rows.map((sample, index) => ({
    name: CUSTOMERS[index % CUSTOMERS.length],
    card: tokens[sample],
  }))
  return { 'data-columns': JSON.stringify(columns), 'data-rows': JSON.stringify(made) }
}
const CUSTOMERS = ['Ada Lovelace', 'Grace Hopper', 'Alan Turing', 'Mary Jackson']

function content({ options = [], text }: Sheet, language: Locale, indent: string): string {
  const lines = options.map(
    (option) => `<option value="${escaped(option.value)}">${escaped(option.text[language])}</option>`,
  )
  if (text !== undefined) lines.push(escaped(text[language]))
  return indent === '' ? lines.join('') : lines.map((line) => `\n${indent}${line}`).join('')
}

/** What an app writes. Tokens are its own, so there is none here. */
function code(sheet: Sheet, state: State, language: Locale): string {
  const token = state.sample === undefined ? {} : { token: 'lunasec-…' }
  const attributes = Object.entries({ ...said(state, language), ...token })
  const inner = content(sheet, language, '  ')
  const end = inner === '' ? '' : '\n'
  return `<${sheet.tag}${attributes.map(([key, value]) => attribute(key, value)).join('')}>${inner}${end}</${sheet.tag}>`
}

/** What a user does, for people who want to see it themselves. */
function told(deed: Deed): string {
  return `<p class="deed">${escaped(TOLD[deed.does](deed as never))}</p>`
}

const TOLD: { readonly [D in Deed['does']]: (deed: Extract<Deed, { does: D }>) => string } = {
  type: ({ text }) => `Type “${text}”.`,
  focus: () => 'Press Tab until it has the focus.',
  leave: () => 'Leave it.',
  press: ({ button }) => `Press button ${button + 1} of it.`,
  pick: ({ option }) => `Pick option ${option + 1}.`,
  submit: () => 'Submit the form that it is in.',
  choose: ({ files, fate }) =>
    `Choose ${files.length === 1 ? 'a small file' : 'small files'}${fate === undefined ? '' : MEANWHILE[fate]}.`,
}
const MEANWHILE: Readonly<Record<Fate, string>> = {
  held: ' while the object store does not answer',
  refused: ' that the Tokenizer refuses',
}
