import type { LunaDefendErrorCode } from '@lunadefend/browser'
import { doubleFrames, type Frame, hostOf } from './dom/frames.ts'
import { fillGaps } from './dom/gaps.ts'
import { associateForms } from './dom/internals.ts'
import { check, choose, chooseFiles, type } from './dom/user.ts'
import { openVault, type PartShown, type Troubles } from './dom/vault.ts'
import type { Faults } from './faults.ts'
import { buttonsIn, filesIn, filesSince, isShown, rowsFrom, textIn } from './reading.ts'
import { buttonCalled, missing, severalCalled, troubled } from './wording.ts'

export type { PartShown } from './dom/vault.ts'

/** A secure element: its accessible name, or the element itself. */
export type SecureElement = string | Element

/** What a test may do that the page cannot: type, pick, look, keep values, and let things fail. */
export interface LunaDefendDouble extends Disposable {
  /** Types a text in place of what is in a field; `''` empties it. The focus stays in the field. */
  fill(field: SecureElement, text: string): Promise<void>
  /** Picks the option with this label from a list, or from radio buttons. `''` takes a pick from a list back. */
  choose(field: SecureElement, option: string): Promise<void>
  /** Checks a checkbox, or takes the check away. */
  check(field: SecureElement, isChecked?: boolean): Promise<void>
  /**
   * Chooses files, and waits until they have arrived. Rejects with what the field says when it refuses one or an upload fails.
   * @param options.wait `false`: does not wait for what comes of it
   */
  upload(
    field: SecureElement,
    files: File | readonly File[],
    options?: { readonly wait?: boolean },
  ): Promise<void>
  /** Presses Enter in a field. */
  enter(field: SecureElement): Promise<void>
  /** Presses the button in an element that is called so, or on which this stands: `Show`, `Remove: cv.pdf`. */
  press(element: SecureElement, button: string): Promise<void>
  /**
   * What a user reads: the text in a field or paragraph, the label of an option, `checked`, `unchecked` or `mixed`, the `alt` of a picture,
   * a line for each file or row. Waits a moment for the value of a token.
   */
  read(element: SecureElement): Promise<string>
  /** All rows of a table or list, as texts; `—` is a value that may not be read. */
  readRows(table: SecureElement): Promise<string[][]>
  /** Clicks a download. @returns what is saved; rejects with what the element says when it fails */
  download(element: SecureElement): Promise<File>
  /** The text that the button of this element has copied last. */
  copied(element: SecureElement): Promise<string>
  /** A token that stands for this text, as if it had been stored before. `part`: what a policy shows of it at first. */
  store(text: string, part?: PartShown): string
  /** The same for a file. */
  storeFile(file: File): Promise<string>
  /** The text that a token stands for; `null` for one that nobody made. */
  textOf(token: string): string | null
  /** The file that a token stands for; `null` where it stands for none. */
  fileOf(token: string): File | null
  /** What the frames would do within this time, in milliseconds, they do now: hide a text again, give up an upload. */
  passTime(ms: number): Promise<void>
  /** The next request of this element to the Tokenizer fails with this code. */
  fail(element: SecureElement, code: LunaDefendErrorCode): Promise<void>
  /** As those of a real LunaDefend. */
  readonly faults: Faults
}

// That of now: a test may put another in its place.
const { setTimeout: realSetTimeout } = globalThis
const sleep = (ms: number): Promise<void> => new Promise((resolve) => realSetTimeout(resolve, ms))

/** How often a test looks whether a frame or a value is there. Turns, not time: a busy machine gets as many. */
const PATIENCE = 400

const WELL: Troubles = {
  tokenizerDown: false,
  storeDown: false,
  storeSlowMs: 0,
  grantsDenied: false,
  sessionsOver: false,
}

type FrameWithField = Frame & { readonly field: HTMLElement; readonly host: Element | null }

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

  /** `null` as soon as there is something, or never: looks again and again. */
  async function patiently<T>(look: () => T | null | undefined): Promise<T | null> {
    for (let turn = 0; turn < PATIENCE; turn++) {
      const found = look()
      if (found !== null && found !== undefined) return found
      await sleep(5)
    }
    return null
  }

  function find(element: SecureElement): Frame | null {
    if (typeof element !== 'string') return frames.of(element)
    const called = frames.all().filter(({ iframe }) => iframe.title === element)
    if (called.length > 1) throw severalCalled(element, called.length)
    return called[0] ?? null
  }

  async function frameOf(element: SecureElement): Promise<FrameWithField> {
    const frame = await patiently(() => {
      const found = find(element)
      const field = found?.control()
      return found && field ? { ...found, field, host: hostOf(found.iframe) } : null
    })
    if (frame !== null) return frame
    const names = frames.all().map(({ iframe }) => iframe.title)
    throw missing(typeof element === 'string' ? `"${element}"` : `in ${element.localName}`, names)
  }

  /** Until the page has heard all that the frame has to say. */
  async function heard(frame: Frame): Promise<void> {
    frame.flush()
    await sleep(0)
  }

  /** Does something with the focus in the frame, as a user has it. */
  async function act(
    element: SecureElement,
    work: (field: HTMLElement) => void | Promise<void>,
  ): Promise<Frame> {
    const frame = await frameOf(element)
    frame.iframe.focus()
    await sleep(0)
    // The page hands the focus on by a message. A field that is disabled takes none.
    for (let turn = 0; turn < 10 && frame.page.activeElement === frame.page.body; turn++) await sleep(1)
    await work(frame.field)
    await heard(frame)
    return frame
  }

  async function press(element: SecureElement, name: string): Promise<Frame> {
    return act(element, (field) => {
      const buttons = [...field.ownerDocument.querySelectorAll('button')]
      const button = buttons[buttonCalled(name, buttonsIn(field))]
      button?.focus()
      button?.click()
    })
  }

  async function upload(
    element: SecureElement,
    files: readonly File[],
    { wait = true }: { readonly wait?: boolean } = {},
  ): Promise<void> {
    const before = filesIn((await frameOf(element)).field)
    const frame = await act(element, (field) => chooseFiles(field, files))
    const field = frame.control()
    if (!wait || field === null) return
    for (;;) {
      const { count, isUnderWay, troubles: said } = filesSince(field, before)
      await heard(frame)
      if (count < files.length || isUnderWay) await sleep(5)
      else if (said.length > 0) throw troubled(frame.iframe.title, said)
      else return
    }
  }

  async function download(element: SecureElement): Promise<File> {
    const { handed, field, iframe } = await frameOf(element)
    const before = handed.files.length
    const [button] = field.querySelectorAll('button')
    button?.click()
    for (;;) {
      await sleep(5)
      const file = handed.files[before]
      if (file !== undefined) return file
      if (button?.ariaDisabled !== 'true') throw troubled(iframe.title, [textIn(field)])
    }
  }

  const set = (change: Partial<Troubles>) => async (): Promise<void> => void Object.assign(troubles, change)

  return {
    store: vault.store,
    storeFile: vault.storeFile,
    textOf: vault.textOf,
    fileOf: vault.fileOf,
    fill: (element, text) => act(element, (field) => type(field, text)).then(() => {}),
    choose: (element, option) => act(element, (field) => choose(field, option)).then(() => {}),
    check: (element, isChecked = true) => act(element, (field) => check(field, isChecked)).then(() => {}),
    upload: (element, files, options) => upload(element, [files].flat(), options),
    press: (element, button) => press(element, button).then(() => {}),
    download,
    async enter(element) {
      const frame = await frameOf(element)
      frame.field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', cancelable: true }))
      await heard(frame)
    },
    async read(element) {
      const { field, host, component } = await frameOf(element)
      const { token = '' } = (host ?? {}) as { readonly token?: string }
      const isDue = token !== '' && component !== 'download'
      if (isDue) await patiently(() => isShown(field) || null)
      return textIn(field)
    },
    async readRows(element) {
      const { field, host } = await frameOf(element)
      const { rows = [] } = (host ?? {}) as { readonly rows?: readonly unknown[] }
      const read: string[][] = []
      while (read.length < rows.length) {
        const more = await patiently(() => {
          const next = rowsFrom(field, read.length)
          return next.length > 0 ? next : null
        })
        if (more === null) break
        read.push(...more)
      }
      return read
    },
    copied: async (element) => (await frameOf(element)).handed.copied,
    async passTime(ms) {
      for (const frame of frames.all()) await frame.passTime(ms)
    },
    async fail(element, code) {
      const frame = await frameOf(element)
      frame.failNext(code)
    },
    faults: {
      tokenizerDown: set({ tokenizerDown: true }),
      storeDown: set({ storeDown: true }),
      storeSlow: (ms) => set({ storeSlowMs: ms })(),
      denyGrants: set({ grantsDenied: true }),
      sessionExpired: set({ sessionsOver: true }),
      reset: set(WELL),
    },
    [Symbol.dispose]() {
      frames.end()
      for (const restore of restores) restore()
    },
  }
}
