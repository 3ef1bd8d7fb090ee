import { realpath } from 'node:fs/promises'
import { PortFailure, type PortFailureCode } from '@lunadefend/core'

type Koffi = typeof import('koffi')
type KoffiFunction = ReturnType<import('koffi').LibraryHandle['func']>
export type Handle = number | bigint

/** Numbers of PKCS #11 v2.40 (OASIS, "Base Specification"), as far as they are used here. */
export const CK = {
  TRUE: Buffer.from([1]),
  FALSE: Buffer.from([0]),
  OS_LOCKING_OK: 2,
  SERIAL_SESSION: 4,
  RW_SESSION: 2,
  USER: 1,
  SECRET_KEY: 4,
  GENERIC_SECRET: 0x10,
  GENERIC_SECRET_KEY_GEN: 0x350,
  SHA256_HMAC: 0x251,
  CLASS: 0,
  TOKEN: 1,
  PRIVATE: 2,
  LABEL: 3,
  KEY_TYPE: 0x100,
  SENSITIVE: 0x103,
  SIGN: 0x108,
  /** CKA_ENCRYPT, DECRYPT, WRAP, UNWRAP, VERIFY, DERIVE. */
  OTHER_USES: [0x104, 0x105, 0x106, 0x107, 0x10a, 0x10c],
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  MODIFIABLE: 0x170,
} as const

/** What a call answered that is not CKR_OK. */
export const CKR = {
  HOST_MEMORY: 0x02,
  GENERAL_ERROR: 0x05,
  FUNCTION_FAILED: 0x06,
  DEVICE_ERROR: 0x30,
  DEVICE_MEMORY: 0x31,
  DEVICE_REMOVED: 0x32,
  KEY_HANDLE_INVALID: 0x60,
  OBJECT_HANDLE_INVALID: 0x82,
  PIN_INCORRECT: 0xa0,
  PIN_LOCKED: 0xa4,
  SESSION_CLOSED: 0xb0,
  SESSION_COUNT: 0xb1,
  SESSION_HANDLE_INVALID: 0xb3,
  TOKEN_NOT_PRESENT: 0xe0,
  TOKEN_NOT_RECOGNIZED: 0xe1,
  USER_ALREADY_LOGGED_IN: 0x100,
  USER_NOT_LOGGED_IN: 0x101,
  CRYPTOKI_NOT_INITIALIZED: 0x190,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const

/** What a new connection may mend. A key that is gone may have come back under another handle. */
const MAY_PASS: readonly number[] = [
  ...[CKR.HOST_MEMORY, CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED],
  ...[CKR.DEVICE_ERROR, CKR.DEVICE_MEMORY, CKR.DEVICE_REMOVED],
  ...[CKR.KEY_HANDLE_INVALID, CKR.OBJECT_HANDLE_INVALID],
  ...[CKR.SESSION_CLOSED, CKR.SESSION_HANDLE_INVALID],
  ...[CKR.TOKEN_NOT_PRESENT, CKR.TOKEN_NOT_RECOGNIZED],
  ...[CKR.USER_NOT_LOGGED_IN, CKR.CRYPTOKI_NOT_INITIALIZED],
]

/** A call to the HSM failed. `ckr` is the number that the specification lists. */
export class Pkcs11Failure extends PortFailure {
  readonly ckr: number
  constructor(name: string, ckr: number) {
    super(codeOf(ckr), `${name} answered 0x${ckr.toString(16).padStart(8, '0')}.`)
    this.ckr = ckr
  }
}

function codeOf(ckr: number): PortFailureCode {
  if (ckr === CKR.SESSION_COUNT) return 'root_key_throttled'
  return MAY_PASS.includes(ckr) ? 'root_key_unreachable' : 'root_key_refused'
}

/** Place of each function in CK_FUNCTION_LIST, and its arguments: u = CK_ULONG, p = pointer. All answer a CK_RV. */
const FUNCTIONS = {
  C_Initialize: [0, 'p'],
  C_Finalize: [1, 'p'],
  C_GetSlotList: [4, 'bpp'],
  C_GetTokenInfo: [6, 'up'],
  C_OpenSession: [12, 'uuppp'],
  C_CloseSession: [13, 'u'],
  C_Login: [18, 'uupu'],
  C_GetAttributeValue: [24, 'uupu'],
  C_FindObjectsInit: [26, 'upu'],
  C_FindObjects: [27, 'upup'],
  C_FindObjectsFinal: [28, 'u'],
  C_SignInit: [42, 'upu'],
  C_Sign: [43, 'upupp'],
  C_GenerateKey: [58, 'uppup'],
} as const satisfies Record<string, readonly [place: number, signature: string]>

type Name = keyof typeof FUNCTIONS
const ARGUMENT = { u: 'ulong', p: 'void *', b: 'uchar' } as const
type Argument = number | bigint | Uint8Array | null
type Calls = Readonly<Record<Name, (...args: Argument[]) => Promise<number>>> & { readonly library: unknown }

/** One attribute of a template. A number is a CK_ULONG. */
export type Attribute = readonly [type: number, value: Uint8Array | number]

/** Bytes of CK_ULONG and of a pointer where this runs; Windows, where they differ, is refused. */
const WORD = 8
const LABEL_BYTES = 32
const TOKEN_INFO_BYTES = 256
const MAX_SLOTS = 256

/** The calls of one PKCS#11 library that are needed here. None of them blocks the event loop. */
export class Pkcs11Library {
  readonly #koffi: Koffi
  readonly #calls: Calls

  constructor(koffi: Koffi, path: string) {
    this.#koffi = koffi
    this.#calls = bind(koffi, path)
  }

  async initialize(): Promise<void> {
    // CK_C_INITIALIZE_ARGS: four callbacks, flags, reserved. The calls come from several threads.
    const args = words(0, 0, 0, 0, CK.OS_LOCKING_OK, 0)
    await this.#call('C_Initialize', [args], [CKR.CRYPTOKI_ALREADY_INITIALIZED])
  }

  async finalize(): Promise<void> {
    await this.#call('C_Finalize', [null], [CKR.CRYPTOKI_NOT_INITIALIZED])
  }

  /** `null` = no token of this label answers. What another token answers, or whether, is of no interest. */
  async findSlot(label: string): Promise<Handle | null> {
    const [slots, count] = [Buffer.alloc(MAX_SLOTS * WORD), words(MAX_SLOTS)]
    await this.#call('C_GetSlotList', [1, slots, count])
    for (let index = 0; index < Number(word(count)); index++) {
      const slot = word(slots, index)
      const info = Buffer.alloc(TOKEN_INFO_BYTES)
      const ckr = await this.#calls.C_GetTokenInfo(slot, info)
      if (ckr === 0 && info.toString('utf8', 0, LABEL_BYTES).trimEnd() === label) return slot
    }
    return null
  }

  async openSession(slot: Handle, flags: number): Promise<Handle> {
    const session = words(0)
    await this.#call('C_OpenSession', [slot, flags | CK.SERIAL_SESSION, null, null, session])
    return word(session)
  }

  async closeSession(session: Handle): Promise<void> {
    await this.#call('C_CloseSession', [session])
  }

  async login(session: Handle, pin: string): Promise<void> {
    const bytes = Buffer.from(pin, 'utf8')
    await this.#call('C_Login', [session, CK.USER, bytes, bytes.length], [CKR.USER_ALREADY_LOGGED_IN])
    bytes.fill(0)
  }

  /** At most two: one is right, and two are too many. */
  async find(session: Handle, attributes: readonly Attribute[]): Promise<Handle[]> {
    const { template, keep } = this.#template(attributes)
    const [found, count] = [words(0, 0), words(0)]
    await this.#call('C_FindObjectsInit', [session, template, attributes.length])
    await this.#call('C_FindObjects', [session, found, 2, count])
    await this.#call('C_FindObjectsFinal', [session])
    keep()
    return [word(found, 0), word(found, 1)].slice(0, Number(word(count)))
  }

  async readFlag(session: Handle, object: Handle, attribute: number): Promise<boolean> {
    const value = Buffer.alloc(1)
    const { template, keep } = this.#template([[attribute, value]])
    await this.#call('C_GetAttributeValue', [session, object, template, 1])
    keep()
    return value[0] === 1
  }

  async sign(session: Handle, mechanism: number, key: Handle, input: Uint8Array): Promise<Uint8Array> {
    const [output, length] = [Buffer.alloc(64), words(64)]
    await this.#call('C_SignInit', [session, words(mechanism, 0, 0), key])
    await this.#call('C_Sign', [session, Buffer.from(input), input.length, output, length])
    return output.subarray(0, Number(word(length)))
  }

  async generateKey(session: Handle, mechanism: number, attributes: readonly Attribute[]): Promise<Handle> {
    const { template, keep } = this.#template(attributes)
    const key = words(0)
    await this.#call('C_GenerateKey', [session, words(mechanism, 0, 0), template, attributes.length, key])
    keep()
    return word(key)
  }

  /** CK_ATTRIBUTE[]: type, address, length. `keep` is called when the addresses need not hold any longer. */
  #template(attributes: readonly Attribute[]): { template: Buffer; keep: () => void } {
    const values = attributes.map(([, value]) => (typeof value === 'number' ? words(value) : value))
    const rows = attributes.flatMap(([type], index) => {
      const value = values[index] as Uint8Array
      return [type, this.#koffi.address(value), value.length]
    })
    return { template: words(...rows), keep: () => void values.length }
  }

  async #call(name: Name, args: Argument[], alsoGood: readonly number[] = []): Promise<void> {
    const ckr = await this.#calls[name](...args)
    if (ckr !== 0 && !alsoGood.includes(ckr)) throw new Pkcs11Failure(name, ckr)
  }
}

/** The library comes along, because it is unloaded when nobody holds it, and its functions with it. */
function bind(koffi: Koffi, path: string): Calls {
  const list: [unknown] = [null]
  const library = koffi.load(path)
  library.func('C_GetFunctionList', 'ulong', [koffi.out(koffi.pointer('void *'))])(list)
  const calls = Object.entries(FUNCTIONS).map(([name, [place, signature]]) => {
    // CK_VERSION, padded to a word, comes before the pointers.
    const address = koffi.decode(list[0], WORD * (place + 1), 'void *')
    const types = [...signature].map((letter) => ARGUMENT[letter as keyof typeof ARGUMENT])
    const native = koffi.decode(address, koffi.proto(null, 'ulong', types))
    return [name, (...args: Argument[]) => called(name, native, args)]
  })
  return { library, ...Object.fromEntries(calls) }
}

/** On a thread of koffi's. It refuses when too many calls hang already. */
async function called(name: string, native: KoffiFunction, args: Argument[]): Promise<number> {
  try {
    return await new Promise((resolve, reject) => {
      native.async(...args, (error: unknown, ckr: Handle) => (error ? reject(error) : resolve(Number(ckr))))
    })
  } catch {
    throw new PortFailure('root_key_unreachable', `${name} cannot be called at the moment.`)
  }
}

function words(...values: Handle[]): Buffer {
  const bytes = Buffer.alloc(values.length * WORD)
  for (const [index, value] of values.entries()) {
    bytes.set(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer), index * WORD)
  }
  return bytes
}

function word(bytes: Buffer, index = 0): bigint {
  return new BigUint64Array(new Uint8Array(bytes.subarray(index * WORD, (index + 1) * WORD)).buffer)[0] ?? 0n
}

/** A library is initialized once in a process, whoever uses it, and finalized when the last one lets go of it. */
const open = new Map<string, { users: number; readonly library: Promise<Pkcs11Library> }>()
/** What is under way when a library is opened again: it must not be finalized under its new user. */
const closing = new Map<string, Promise<void>>()

export interface OpenLibrary extends AsyncDisposable {
  readonly library: Pkcs11Library
}

/** Throws `root_key_driver` when the library, or what loads it, is not there. */
export async function openLibrary(path: string): Promise<OpenLibrary> {
  const name = await realpath(path).catch(() => path)
  const entry = open.get(name) ?? { users: 0, library: initialized(name) }
  open.set(name, entry)
  entry.users += 1
  const close = async () => {
    entry.users -= 1
    if (entry.users > 0) return
    open.delete(name)
    const finalized = entry.library.then((library) => library.finalize()).catch(() => {})
    closing.set(name, finalized)
    await finalized
  }
  try {
    return { library: await entry.library, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

async function initialized(path: string): Promise<Pkcs11Library> {
  await closing.get(path)
  const library = load(await loadKoffi(), path)
  await library.initialize()
  return library
}

async function loadKoffi(): Promise<Koffi> {
  const koffi = await import('koffi').catch(() => null)
  if (koffi !== null && process.platform !== 'win32' && koffi.sizeof('ulong') === WORD) return koffi
  throw new PortFailure(
    'root_key_driver',
    koffi === null ? 'PKCS#11 needs the package koffi: npm install koffi.' : 'PKCS#11 needs a 64-bit Unix.',
  )
}

function load(koffi: Koffi, path: string): Pkcs11Library {
  try {
    return new Pkcs11Library(koffi, path)
  } catch {
    throw new PortFailure('root_key_driver', `${path} cannot be loaded as a PKCS#11 library.`)
  }
}
