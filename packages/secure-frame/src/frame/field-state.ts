import type { CardBrand, Fill, FrameMessage } from '@lunadefend/contract/frame-messages'

/** Changes of what is said of the content are told together, after this many milliseconds: keystrokes have no echo. */
const QUIET_MS = 50

export interface State {
  readonly fill: Fill
  readonly focused: boolean
  readonly brand?: CardBrand | undefined
}
export interface StateReport {
  /** Tells the page, if there is anything new. */
  now(): void
  soon(): void
}

export function reportState(send: (message: FrameMessage) => void, look: () => State): StateReport {
  let told: State = { fill: 'empty', focused: false }
  let timer: ReturnType<typeof setTimeout> | undefined

  function now(): void {
    clearTimeout(timer)
    timer = undefined
    const { fill, focused, brand } = look()
    if (fill === told.fill && focused === told.focused && brand === told.brand) return
    told = { fill, focused, brand }
    send({ type: 'state', fill, focused, ...(brand && { brand }) })
  }

  return {
    now,
    soon() {
      timer ??= setTimeout(now, QUIET_MS)
    },
  }
}
