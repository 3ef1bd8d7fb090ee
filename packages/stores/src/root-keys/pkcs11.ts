import { PortFailure } from '@lunadefend/core'
import type { Pkcs11Entry } from './entry.ts'
import {
  type Attribute,
  CK,
  CKR,
  type Handle,
  openLibrary,
  Pkcs11Failure,
  type Pkcs11Library,
} from './pkcs11-library.ts'
import { type Holder, openRemote } from './remote.ts'
import { LIMITS, type RootKey, type RootKeySurroundings } from './root-key.ts'
import { readSecret } from './secret-source.ts'

const KEY_BYTES = 32
/** At once, unless the limits say less. HSMs allow few: 16 is what the small ones have. */
const SESSIONS = 8
/** Calls that hang keep their session; so many may hang before nothing more is asked. */
const MAX_SESSIONS = 16

/**
 * A secret key in an HSM. It has to be there to stay: sensitive and not extractable.
 *
 * @throws {PortFailure} a code of `root_key_*`; no message holds the PIN, an input or an output
 */
export async function openPkcs11(entry: Pkcs11Entry, surroundings: RootKeySurroundings): Promise<RootKey> {
  await using stack = new AsyncDisposableStack()
  const token = new Token(
    entry,
    await readSecret(entry.pin, surroundings),
    stack.use(await openLibrary(entry.library)).library,
  )
  stack.defer(() => token.disconnect())
  const concurrency = Math.min(SESSIONS, surroundings.limits?.concurrency ?? LIMITS.concurrency)
  const limits = { ...surroundings.limits, concurrency }
  const where = `Key ${entry.key} of token ${entry.token}`
  const ask: Holder['ask'] = (input) => token.mac(input)
  const close = () => opened.disposeAsync()
  const key = await openRemote({ where, ask, [Symbol.asyncDispose]: close }, entry, {
    ...surroundings,
    limits,
  })
  const opened = stack.move()
  return key
}

/**
 * Makes a new root key inside of the HSM, by its own generator: it signs, and can be neither read nor changed.
 *
 * @throws {PortFailure} `root_key_exists` when the token has a key of this label, and as `openPkcs11`
 */
export async function createPkcs11RootKey(
  entry: Pkcs11Entry,
  surroundings: RootKeySurroundings,
): Promise<void> {
  await using open = await openLibrary(entry.library)
  await new Token(entry, await readSecret(entry.pin, surroundings), open.library).generate()
}

const switchedOn = (attribute: number): Attribute => [attribute, CK.TRUE]
const switchedOff = (attribute: number): Attribute => [attribute, CK.FALSE]

interface Connection {
  readonly slot: Handle
  readonly key: Handle
  /** Sessions that nobody uses at the moment. */
  readonly idle: Handle[]
  sessions: number
  isLeft: boolean
}

/** One key of one token, found again after whatever happened to the connection. */
class Token {
  readonly #entry: Pkcs11Entry
  readonly #pin: string
  readonly #library: Pkcs11Library
  #connection: Promise<Connection> | null = null
  #pinRefused: Pkcs11Failure | null = null

  constructor(entry: Pkcs11Entry, pin: string, library: Pkcs11Library) {
    this.#entry = entry
    this.#pin = pin
    this.#library = library
  }

  async mac(input: Uint8Array): Promise<Uint8Array> {
    const current = this.#connected()
    try {
      return await this.#sign(await current, input)
    } catch (error) {
      // Whatever it was: a new connection looks for the token and the key anew.
      if (this.#connection === current) await this.disconnect()
      throw error
    }
  }

  async generate(): Promise<void> {
    const session = await this.#logIn(await this.#slot(), CK.RW_SESSION)
    try {
      const found = await this.#library.find(session, this.#name())
      if (found.length > 0) throw new PortFailure('root_key_exists', `${this.#entry.key} was left as it is.`)
      await this.#library.generateKey(session, CK.GENERIC_SECRET_KEY_GEN, [
        ...this.#name(),
        [CK.KEY_TYPE, CK.GENERIC_SECRET],
        [CK.VALUE_LEN, KEY_BYTES],
        ...[CK.TOKEN, CK.PRIVATE, CK.SIGN, CK.SENSITIVE].map(switchedOn),
        ...[CK.EXTRACTABLE, CK.MODIFIABLE, ...CK.OTHER_USES].map(switchedOff),
      ])
    } finally {
      await this.#library.closeSession(session).catch(() => {})
    }
  }

  /** Gives the idle sessions back; those in use go when they are done. */
  async disconnect(): Promise<void> {
    const current = this.#connection
    this.#connection = null
    const connection = await current?.catch(() => null)
    if (connection === null || connection === undefined) return
    connection.isLeft = true
    for (const session of connection.idle.splice(0)) this.#close(session)
  }

  async #sign(connection: Connection, input: Uint8Array): Promise<Uint8Array> {
    const session = connection.idle.pop() ?? (await this.#openAnother(connection))
    try {
      return await this.#library.sign(session, CK.SHA256_HMAC, connection.key, input)
    } finally {
      // After a failure that is no use: then the connection is left, and with it the session.
      if (connection.isLeft) this.#close(session)
      else connection.idle.push(session)
    }
  }

  /** Does not wait: a token that is gone may not answer. */
  #close(session: Handle): void {
    this.#library.closeSession(session).catch(() => {})
  }

  #connected(): Promise<Connection> {
    this.#connection ??= this.#connect()
    return this.#connection
  }

  async #connect(): Promise<Connection> {
    const slot = await this.#slot()
    const session = await this.#logIn(slot, 0)
    try {
      const key = await this.#find(session)
      return { slot, key, idle: [session], sessions: 1, isLeft: false }
    } catch (error) {
      this.#close(session)
      throw error
    }
  }

  async #slot(): Promise<Handle> {
    const slot = await this.#library.findSlot(this.#entry.token)
    if (slot !== null) return slot
    throw new PortFailure('root_key_unreachable', `Token ${this.#entry.token} is not there.`)
  }

  /** A PIN that was refused once is not tried again: after a few times the token would be locked. */
  async #logIn(slot: Handle, flags: number): Promise<Handle> {
    if (this.#pinRefused !== null) throw this.#pinRefused
    const session = await this.#library.openSession(slot, flags)
    try {
      await this.#library.login(session, this.#pin)
      return session
    } catch (error) {
      if (error instanceof Pkcs11Failure && error.ckr === CKR.PIN_INCORRECT) this.#pinRefused = error
      this.#close(session)
      throw error
    }
  }

  async #find(session: Handle): Promise<Handle> {
    const [key, another] = await this.#library.find(session, this.#name())
    const { key: label, token } = this.#entry
    if (key === undefined) throw new PortFailure('root_key_missing', `Token ${token} has no key ${label}.`)
    if (another !== undefined) {
      throw new PortFailure('root_key_wrong', `Token ${token} has several keys ${label}: remove all but one.`)
    }
    const sensitive = await this.#library.readFlag(session, key, CK.SENSITIVE)
    const extractable = await this.#library.readFlag(session, key, CK.EXTRACTABLE)
    if (sensitive && !extractable) return key
    throw new PortFailure(
      'root_key_exposed',
      `Key ${label} can be read out: make one that is sensitive and not extractable.`,
    )
  }

  #name(): Attribute[] {
    return [
      [CK.CLASS, CK.SECRET_KEY],
      [CK.LABEL, Buffer.from(this.#entry.key, 'utf8')],
    ]
  }

  async #openAnother(connection: Connection): Promise<Handle> {
    if (connection.sessions >= MAX_SESSIONS) {
      throw new PortFailure('root_key_unreachable', `Token ${this.#entry.token} hangs in each session.`)
    }
    connection.sessions += 1
    return this.#library.openSession(connection.slot, 0)
  }
}
