import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Authorizers } from '@lunadefend/core'

/** What can be made to go wrong. Each holds until `reset`, for every caller, from the next request on. */
export interface Faults {
  /** Every connection to the Tokenizer is cut. */
  tokenizerDown(): Promise<void>
  /** Every connection to the object store is cut. */
  storeDown(): Promise<void>
  /** Every request reaches the object store so many milliseconds late. */
  storeSlow(ms: number): Promise<void>
  /** No grant counts any more: a policy denies whatever it is asked about. Sessions live on. */
  denyGrants(): Promise<void>
  /** Every session of a user is over, the new ones, too: each call is answered as without one. Applications are served. */
  sessionExpired(): Promise<void>
  /** All is well again. */
  reset(): Promise<void>
}

export interface FaultNeeds {
  readonly tokenizerUrl: string
  readonly objectsUrl: string
  /** Starts the Tokenizer anew, with these policies in place of its own; `null`: with its own. */
  readonly restart: (authorizers: Authorizers | null) => Promise<void>
}

/** What Node tells of each request of each server in this process, before it emits it; ours are known by their ports. */
interface Started {
  readonly request: IncomingMessage
  readonly server: Server
}
const CHANNEL = 'http.server.request.start'
type Trouble = (started: Started) => void

const cut: Trouble = ({ request }) => void request.socket.destroy()
const late =
  (ms: number): Trouble =>
  ({ server }) => {
    const { emit } = server
    // The very next event of the server is this request.
    server.emit = ((...event: unknown[]) => {
      server.emit = emit
      setTimeout(() => Reflect.apply(emit, server, event), ms)
      return true
    }) as typeof emit
  }
/** The credentials of a user are opaque, those of an application have three parts. */
const forget: Trouble = ({ request: { headers } }) => {
  delete headers.cookie
  if (headers.authorization?.split('.').length !== 3) delete headers.authorization
}
const DENY_ALL: Authorizers = {
  readsMetadata: false,
  decide: async (questions) => questions.map(() => ({ kind: 'deny', policy: null })),
}

/** `end`: nobody is disturbed any more, and nothing is started again. */
export function makeFaults(needs: FaultNeeds): Faults & { end(): void } {
  const troubles = new Map<number, Trouble>()
  let isDenying = false

  const disturb = (message: unknown): void => {
    const started = message as Started
    const port = (started.server.address() as AddressInfo | null)?.port
    if (port !== undefined) troubles.get(port)?.(started)
  }
  const trouble = (url: string, what: Trouble): void => {
    if (troubles.size === 0) subscribe(CHANNEL, disturb)
    troubles.set(Number(new URL(url).port), what)
  }
  const deny = async (isOn: boolean): Promise<void> => {
    if (isOn === isDenying) return
    isDenying = isOn
    await needs.restart(isOn ? DENY_ALL : null)
  }
  const end = (): void => {
    unsubscribe(CHANNEL, disturb)
    troubles.clear()
  }

  return {
    tokenizerDown: async () => trouble(needs.tokenizerUrl, cut),
    storeDown: async () => trouble(needs.objectsUrl, cut),
    storeSlow: async (ms) => trouble(needs.objectsUrl, late(ms)),
    denyGrants: () => deny(true),
    sessionExpired: async () => trouble(needs.tokenizerUrl, forget),
    async reset() {
      end()
      await deny(false)
    },
    end,
  }
}
