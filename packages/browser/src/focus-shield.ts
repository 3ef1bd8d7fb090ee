/**
 * Keeps the page from seeing what happens at the iframe element itself, or at what stands in its place.
 *
 * Once a frame has the focus, its keys are its own. But a label, `autofocus` or script can focus the iframe *element*
 * while its document is still loading, and then keys are dispatched at that element, in the page. They are stopped
 * here, at the window, before anything else on the page hears of them; what the browser does by itself (Tab) goes on.
 *
 * Native focus events are stopped as well, because they are not told for every way in (none for Tab): the elements tell
 * focus and blur themselves, from what the frame says.
 */
const KEYS = ['keydown', 'keypress', 'keyup', 'beforeinput', 'input', 'paste', 'copy', 'cut'] as const
const COMPOSITION = ['compositionstart', 'compositionupdate', 'compositionend'] as const
const FOCUS = ['focus', 'focusin', 'blur', 'focusout'] as const

/** The part that has the focus in the page's document. A Tab into a frame gives it to none. */
let holder: HTMLElement | null = null
const shielded = new WeakMap<EventTarget, () => void>()
let installed = false

/** From now on no event at this part of an element reaches the page. `onFocus` is called when it gets the focus. */
export function shield(part: HTMLElement, onFocus: () => void): void {
  shielded.set(part, onFocus)
  if (installed) return
  installed = true
  for (const type of [...KEYS, ...COMPOSITION, ...FOCUS]) window.addEventListener(type, swallow, true)
}

function swallow(event: Event): void {
  const target = event.composedPath()[0]
  const onFocus = target === undefined ? undefined : shielded.get(target)
  if (onFocus === undefined) return
  event.stopImmediatePropagation()
  if (event.type === 'blur') holder = null
  if (event.type !== 'focus') return
  holder = target as HTMLElement
  onFocus()
}

/**
 * The user has gone into the frame of this part. Where a label or script had given another one the focus before, Chromium leaves it there,
 * in the page's document; a Tab back would find it where it is to go, and do nothing, and the keys that follow would be lost. `move`
 * moves it; not at once, and not where something else has moved it meanwhile.
 */
export function catchUp(part: HTMLElement, move: () => void): void {
  const left = holder
  if (left === null || !left.isConnected || left === part) return
  setTimeout(() => {
    if (holder === left) move()
  }, SETTLED_MS)
}

/**
 * In milliseconds: by then the browser has told all its processes where a click or a Tab has put the focus. A page that moves
 * it while it is on its way can leave it nowhere.
 */
const SETTLED_MS = 60
