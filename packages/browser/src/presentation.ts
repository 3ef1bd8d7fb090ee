import {
  ENTER_KEY_HINTS,
  FITS,
  INPUT_MODES,
  INPUT_TYPES,
  LONGEST_LIMIT,
  LONGEST_SHOWN,
  type Presentation,
  type Rules,
  type Showing,
  STYLE_PROPERTIES,
} from '@lunadefend/contract/frame-messages'

type Style = { -readonly [P in (typeof STYLE_PROPERTIES)[number]]?: string }

/** Attributes that become rules of the frame. A frame takes them once. */
export const RULE_ATTRIBUTES = [
  'type',
  'minlength',
  'maxlength',
  'pattern',
  'min',
  'max',
  'step',
  'reveal',
  'sameas',
] as const
/** Attributes that can change while the frame lives. */
export const PRESENTATION_ATTRIBUTES = [
  'required',
  'readonly',
  'placeholder',
  'autocomplete',
  'inputmode',
  'enterkeyhint',
  'spellcheck',
  'lang',
  'label',
  'description',
  'aria-label',
  'aria-labelledby',
  'aria-describedby',
  'aria-invalid',
] as const

/** Attributes that say what a user may do with what is shown. A frame takes them once. */
export const SHOWING_ATTRIBUTES = ['hide-after', 'hide-on-leave', 'copyable', 'fit'] as const

/** Longest pattern that a frame takes. A longer one is left out and reported: half a pattern is another rule. */
export const LONGEST_PATTERN = 500

export function rulesOf(host: HTMLElement): Rules {
  const inputType = wordOf(INPUT_TYPES, host, 'type')
  const pattern = host.getAttribute('pattern')
  return {
    required: host.hasAttribute('required'),
    ...(inputType === undefined ? {} : { inputType }),
    ...count('minLength', host.getAttribute('minlength')),
    ...count('maxLength', host.getAttribute('maxlength')),
    ...limit('min', host),
    ...limit('max', host),
    ...limit('step', host),
    ...(host.hasAttribute('reveal') && { reveal: true }),
    fieldId: idOf(host),
    ...sameAsOf(host),
    ...(pattern === null || pattern.length > LONGEST_PATTERN ? {} : { pattern }),
  }
}

/** A time that is none is left out, and one that is too long is the longest. */
export function showingOf(host: HTMLElement): Showing {
  const seconds = Number(host.getAttribute('hide-after') ?? 0)
  const fit = wordOf(FITS, host, 'fit')
  return {
    ...(seconds > 0 ? { hideAfter: Math.min(Math.ceil(seconds), LONGEST_SHOWN) } : {}),
    hideOnLeave: host.hasAttribute('hide-on-leave'),
    copyable: host.hasAttribute('copyable'),
    ...(fit === undefined ? {} : { fit }),
  }
}

export function presentationOf(
  host: HTMLElement,
  said: { readonly label: string; readonly disabled: boolean; readonly invalid: boolean },
): Presentation {
  return {
    label: said.label,
    description: descriptionOf(host),
    placeholder: (host.getAttribute('placeholder') ?? '').slice(0, 500),
    autoComplete: (host.getAttribute('autocomplete') ?? '').slice(0, 100),
    inputMode: wordOf(INPUT_MODES, host, 'inputmode') ?? '',
    enterKeyHint: wordOf(ENTER_KEY_HINTS, host, 'enterkeyhint') ?? '',
    // Spelling services of browsers send text away, so it has to be asked for.
    spellCheck: host.getAttribute('spellcheck') === 'true',
    lang: (host.closest('[lang]')?.getAttribute('lang') ?? '').slice(0, 35),
    disabled: said.disabled,
    readOnly: host.hasAttribute('readonly'),
    invalid: said.invalid || host.getAttribute('aria-invalid') === 'true',
  }
}

/** The accessible name, in the order of the accname specification: aria-labelledby, aria-label, `<label>`. */
export function labelOf(host: HTMLElement, labels: Iterable<Node>): string {
  const named =
    textsOf(host, 'aria-labelledby') || host.getAttribute('aria-label') || host.getAttribute('label')
  return tidy(named || Array.from(labels, (label) => label.textContent ?? '').join(' ')).slice(0, 500)
}

/** The colours, fonts and paddings that the page's styles give the element. */
export function styleOf(host: HTMLElement): Style {
  const computed = getComputedStyle(host)
  const style: Style = {}
  for (const property of STYLE_PROPERTIES) {
    // The element draws its own background, and the frame lets it through.
    if (property !== 'backgroundColor') style[property] = computed[property].slice(0, 200)
  }
  return style
}

const ids = new WeakMap<Element, string>()
let fields = 0

/** What frames of this page load call a field when they talk about it among themselves. */
function idOf(host: Element): string {
  const id = ids.get(host) ?? `field-${++fields}`
  ids.set(host, id)
  return id
}

/** The attribute has the name of another field of the same form, or the id of any. A field that is not there is never the same. */
function sameAsOf(host: HTMLElement): Rules {
  const named = host.getAttribute('sameas') ?? ''
  if (named === '') return {}
  const form = 'form' in host && host.form instanceof HTMLFormElement ? host.form : null
  const found = [...(form?.elements ?? [])].find((field) => field.getAttribute('name') === named)
  const other = found ?? withId(host, named)
  return { sameAs: other === null ? '' : idOf(other) }
}

function descriptionOf(host: HTMLElement): string {
  const text = host.getAttribute('description') || textsOf(host, 'aria-describedby')
  return tidy(text).slice(0, 1000)
}

function textsOf(host: HTMLElement, attribute: string): string {
  const ids = (host.getAttribute(attribute) ?? '').split(/\s+/).filter((id) => id !== '')
  return ids.map((id) => withId(host, id)?.textContent ?? '').join(' ')
}

/** In the same tree. Beside an element that was taken out of the document there is nothing. */
function withId(host: HTMLElement, id: string): Element | null {
  const root: Node & Partial<NonElementParentNode> = host.getRootNode()
  return root.getElementById?.(id) ?? null
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** In HTML, keywords are the same in capitals. */
export function wordOf<Word extends string>(
  words: readonly Word[],
  host: Element,
  attribute: string,
): Word | undefined {
  const said = host.getAttribute(attribute)?.toLowerCase()
  return words.find((word) => word === said)
}

/** One that is too long is left out: half a limit is another one. */
function limit(name: 'min' | 'max' | 'step', host: HTMLElement): Rules {
  const text = host.getAttribute(name) ?? ''
  return text !== '' && text.length <= LONGEST_LIMIT ? { [name]: text } : {}
}

function count(name: 'minLength' | 'maxLength', text: string | null): Rules {
  return text !== null && /^\d{1,9}$/.test(text) ? { [name]: Number(text) } : {}
}
