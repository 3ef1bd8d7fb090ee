import type {
  FrameMessage,
  HostMessage,
  Presentation,
  Rules,
  Showing,
} from '@lunadefend/contract/frame-messages'
import { FrameError } from './failure.ts'
import type { SessionKeeper } from './session.ts'
import type { Style } from './style.ts'
import type { Found, Seen, Values } from './values.ts'

/** What a component can do, apart from all talk with page and Tokenizer. Failures are `FrameError`s. */
export interface Widget {
  /** Called once, before everything else. */
  configure(settings: Rules & Showing & Presentation): void
  update(presentation: Presentation): void
  style(style: Style): void
  load(tokenId: string): Promise<void>
  /** Tables have these two, and nothing else has. */
  columns?(columns: Columns): void
  rows?(rows: Rows): Promise<void>
  /** The token of what is in the field; `''` when it is empty. For files the tokens of all of them. */
  tokenize(): Promise<string | readonly string[]>
  focus(): void
  clear(): void
  /** Forgets everything that was shown or typed. `isOver`: and takes nothing any more. */
  wipe(isOver: boolean): void
  /** Whether somebody has typed into it, ever. */
  isTouched(): boolean
}

/** Of a component that shows something, and takes no input. */
export const SHOWS_ONLY = {
  tokenize: () => Promise.reject(new FrameError('failed')),
  isTouched: () => false,
}

/** What a component needs. */
export interface WidgetNeeds {
  readonly send: (message: FrameMessage) => void
  readonly store: (text: string) => Promise<string>
  readonly read: (tokenId: string) => Promise<string>
  readonly find: (tokenIds: readonly string[]) => Promise<readonly Found[]>
  readonly see: (tokenId: string, full: boolean) => Promise<Seen>
  readonly receive: Values['receive']
  /** For values that are too long to be held in memory. */
  readonly call: SessionKeeper['call']
  readonly app: string
  /** The random id of this page load. */
  readonly page: string
  readonly objectStoreOrigin: string
}

export type Mount = (needs: WidgetNeeds) => Widget
export type Settings = Omit<Extract<HostMessage, { type: 'configure' }>, 'type'>
export type Columns = Omit<Extract<HostMessage, { type: 'columns' }>, 'type'>
export type Rows = Omit<Extract<HostMessage, { type: 'rows' }>, 'type' | 'id'>
