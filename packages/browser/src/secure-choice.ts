import { LONGEST_OPTION, MOST_OPTIONS, type Rules } from '@lunadefend/contract/frame-messages'
import { setRows } from './appearance.ts'
import { type Reflected, reflect } from './element.ts'
import { labelOf } from './presentation.ts'
import { SecureFieldElement } from './secure-field.ts'

/**
 * A field in which the user picks. The page words the options and does not learn which one it is: options are the
 * `<option>` children, and their `value` is the text that is stored.
 */
class SecureChoiceElement extends SecureFieldElement {
  readonly #watch =
    globalThis.MutationObserver === undefined ? null : new MutationObserver(() => this.reoffer())

  override connectedCallback(): void {
    this.#watch?.observe(this, WATCHED)
    this.reoffer()
    super.connectedCallback()
  }

  override disconnectedCallback(): void {
    this.#watch?.disconnect()
    super.disconnectedCallback()
  }

  /** Takes the options up as they are now. A frame in which somebody picks keeps those that it has. */
  protected reoffer(): void {
    this.follow()
  }

  protected resize(texts: readonly string[]): void {
    setRows(this.strut, texts)
  }
}

const WATCHED = {
  ...{ childList: true, subtree: true, characterData: true },
  attributeFilter: ['value', 'label', 'disabled', 'checkedvalue', 'uncheckedvalue'],
}

function offerOf(host: HTMLElement): Rules {
  const options = [...host.querySelectorAll('option')].filter(
    ({ disabled, value }) => !disabled && value !== '',
  )
  const offered = options.slice(0, MOST_OPTIONS)
  return {
    required: host.hasAttribute('required'),
    values: offered.map(({ value }) => value.slice(0, LONGEST_OPTION)),
    labels: offered.map(({ label }) => label.slice(0, LONGEST_OPTION)),
  }
}

/** `<secure-select>`: one of many. The text that stands for none is its `placeholder`. */
export class SecureSelectElement extends SecureChoiceElement {
  static override readonly component = 'select'
  static override readonly rules = offerOf
}

/** `<secure-radio-group>`: one of a few, all in sight. */
export class SecureRadioGroupElement extends SecureChoiceElement {
  static override readonly component = 'radio'
  static override readonly rules = offerOf

  protected override reoffer(): void {
    this.resize(offerOf(this).labels ?? [])
    super.reoffer()
  }
}

const REFLECTED = { text: ['checkedValue', 'uncheckedValue'], flag: [], count: [] } as const

export interface SecureCheckboxElement extends Reflected<typeof REFLECTED> {}

/**
 * `<secure-checkbox>`: yes or no. Its text is the label beside the box; `checkedvalue` and `uncheckedvalue` are the texts
 * that are stored, by default `1` and `0`: of one length, so that the stored object does not tell which it is.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: reflect() below adds exactly these properties
export class SecureCheckboxElement extends SecureChoiceElement {
  static override readonly component = 'checkbox'
  static override readonly rules = boxOf
  static override readonly label = (host: HTMLElement, labels: Iterable<Node>): string =>
    labelOf(host, labels) || wordsOf(host)
  static override readonly isVague = true

  protected override reoffer(): void {
    this.resize([wordsOf(this)])
    super.reoffer()
  }
}

reflect(SecureCheckboxElement.prototype, REFLECTED)

function boxOf(host: HTMLElement): Rules {
  const off = host.getAttribute('uncheckedvalue') || '0'
  const on = host.getAttribute('checkedvalue') || '1'
  return {
    required: host.hasAttribute('required'),
    values: [off, on].map((value) => value.slice(0, LONGEST_OPTION)),
    labels: [wordsOf(host)],
  }
}

function wordsOf(host: HTMLElement): string {
  return (host.textContent ?? '').replace(/\s+/g, ' ').trim().slice(0, LONGEST_OPTION)
}
