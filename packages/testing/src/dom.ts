import type { LunaDefendErrorCode } from '@lunadefend/browser'
import { doubleFrames, type Frame, hostOf } from './dom/frames.ts'
import { associateForms, replace } from './dom/internals.ts'
import { openVault, type Troubles } from './dom/vault.ts'
import type { Faults } from './faults.ts'

/** A secure element: its accessible name, or the element itself. */
export type SecureElement = string | Element

/** What a test may do that the page cannot: type, look, keep values, and let things fail. */
export interface LunaDefendDouble extends Disposable {
  /** Types a text in place of what is in a field; `''` empties it. The focus stays in the field. */
  fill(field: SecureElement, text: string): Promise<void>
  /** Presses Enter in a field. */
  enter(field: SecureElement): Promise<void>
  /** What a user reads in a field or a paragraph. Waits a moment for the value of a token. */
  read(element: SecureElement): Promise<string>
  /** A token that stands for this text, as if it had been stored before. */
  store(text: string): string
  /** The text that a token stands for; `null` for one that nobody made. */
  textOf(token: string): string | null
  /** The next request of this element to the Tokenizer fails with this code. */
  fail(element: SecureElement, code: LunaDefendErrorCode): Promise<void>
  /** As those of a real LunaDefend. */
  readonly faults: Faults
}

// Those of now: a test may put others in their place.
const { setTimeout: realSetTimeout } = globalThis
const now = performance.now.bind(performance)
const sleep = (ms: number): Promise<void> => new Promise((resolve) => realSetTimeout(resolve, ms))

/** How long a test waits for a frame to be there, or for a value to be shown, in milliseconds. */
const PATIENCE_MS = 2000

const WELL: Troubles = { tokenizerDown: false, storeDown: false, storeSlowMs: 0, grantsDenied: false }

/**
 * Makes the elements of LunaDefend work in jsdom and happy-dom, without a network. The elements are the real ones, and
 * so are the scripts of their frames; DOM, session, Tokenizer and object store are doubled. To be called before the first
 * of them is made.
 */
export function doubleLunaDefend(): LunaDefendDouble {
  const troubles = { ...WELL }
  const vault = openVault(troubles, sleep)
  const restores = [fillGaps(), associateForms()]
  const frames = doubleFrames({ vault, troubles })

  async function frameOf(element: SecureElement): Promise<Frame & { readonly field: HTMLElement }> {
    const find = (): Frame | undefined | null =>
      typeof element === 'string'
        ? frames.all().find(({ iframe }) => iframe.title === element)
        : frames.of(element)
    for (const end = now() + PATIENCE_MS; now() < end; await sleep(5)) {
      const frame = find()
      const field = frame?.control()
      if (frame && field) return { ...frame, field }
    }
    throw new Error(`There is no secure element ${typeof element === 'string' ? `"${element}"` : 'here'}.`)
  }

  /** Until the page has heard all that the frame has to say. */
  async function heard(frame: Frame): Promise<void> {
    frame.flush()
    await sleep(0)
  }

  return {
    store: vault.store,
    textOf: vault.textOf,
    async fill(element, text) {
      const frame = await frameOf(element)
      frame.iframe.focus()
      await sleep(0)
      type(frame.field, text)
      await heard(frame)
    },
    async enter(element) {
      const frame = await frameOf(element)
      frame.field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', cancelable: true }))
      await heard(frame)
    },
    async read(element) {
      const { iframe, field } = await frameOf(element)
      const host = hostOf(iframe) as (Element & { readonly token: string }) | null
      const text = (): string => ('value' in field ? String(field.value) : (field.textContent ?? ''))
      const end = now() + PATIENCE_MS
      while (host?.token !== '' && text() === '' && now() < end) await sleep(5)
      return text()
    },
    async fail(element, code) {
      const frame = await frameOf(element)
      frame.failNext(code)
    },
    faults: {
      tokenizerDown: async () => void Object.assign(troubles, { tokenizerDown: true }),
      storeDown: async () => void Object.assign(troubles, { storeDown: true }),
      storeSlow: async (ms) => void Object.assign(troubles, { storeSlowMs: ms }),
      denyGrants: async () => void Object.assign(troubles, { grantsDenied: true }),
      reset: async () => void Object.assign(troubles, WELL),
    },
    [Symbol.dispose]() {
      frames.end()
      for (const restore of restores) restore()
    },
  }
}

type Box = HTMLInputElement | HTMLTextAreaElement

/** As a user does who selects all and types: a field that takes nothing stays as it is. */
function type(field: HTMLElement, text: string): void {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) {
    throw new TypeError('Nothing can be typed into this secure element.')
  }
  if (field.disabled || field.readOnly) return
  select(field)
  const about = {
    inputType: text === '' ? 'deleteContentBackward' : 'insertText',
    data: text || null,
    bubbles: true,
  }
  field.dispatchEvent(new InputEvent('beforeinput', { ...about, cancelable: true }))
  field.value = text.slice(0, field.maxLength < 0 ? text.length : field.maxLength)
  field.dispatchEvent(new InputEvent('input', about))
}

/** Fields for e-mail addresses have no selection. */
function select(field: Box): void {
  try {
    field.setSelectionRange(0, field.value.length)
  } catch {}
}

/** Small parts of a browser that the elements use. */
function fillGaps(): () => void {
  const restores: (() => void)[] = []
  if (typeof globalThis.matchMedia !== 'function') {
    const value = (media: string) => ({
      media,
      matches: false,
      addEventListener() {},
      removeEventListener() {},
    })
    restores.push(replace(globalThis as typeof globalThis & Window, 'matchMedia', { value, writable: true }))
  }
  if (!('sandbox' in HTMLIFrameElement.prototype)) {
    const get = function (this: HTMLIFrameElement) {
      return { add: (...tokens: string[]) => this.setAttribute('sandbox', tokens.join(' ')) }
    }
    restores.push(replace(HTMLIFrameElement.prototype, 'sandbox' as never, { get }))
  }
  return () => {
    for (const restore of restores) restore()
  }
}
