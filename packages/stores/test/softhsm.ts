import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import * as koffi from 'koffi'
import { CK, type Handle, type Pkcs11Library } from '../src/root-keys/pkcs11-library.ts'
import { type Scratch, scratch } from './scratch.ts'

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

const APT = 'apt-get'
const UTIL = 'softhsm2-util'

/** The library of SoftHSM 2, installed through apt where this may; or why it is not here. */
export function findSoftHsm(): { readonly library: string } | { readonly missing: string } {
  const here = LIBRARIES.find(existsSync)
  if (here !== undefined) return { library: here }
  if (process.getuid?.() !== 0) return { missing: 'SoftHSM is not here: apt-get install softhsm2' }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) =>
    spawnSync(APT, ['-y', '-o', 'DPkg::Lock::Timeout=120', ...args], { env, stdio: 'ignore' }).status === 0
  apt('update')
  const installed = apt('install', '--no-install-recommends', 'softhsm2')
  const library = LIBRARIES.find(existsSync)
  if (installed && library !== undefined) return { library }
  return { missing: 'apt-get could not install softhsm2' }
}

export const PIN = 'pin-078051120'
const SO_PIN = 'so-pin-078051120'

/** A SoftHSM of its own, in an empty folder. This process finds it through SOFTHSM2_CONF. */
export interface SoftHsm extends Disposable {
  readonly folder: Scratch
  initToken(label: string): void
  deleteToken(label: string): void
}

export function softHsm(): SoftHsm {
  const folder = scratch()
  const tokens = folder.file('tokens')
  mkdirSync(tokens, { mode: 0o700 })
  const conf = folder.file('softhsm2.conf')
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  process.env['SOFTHSM2_CONF'] = conf
  const util = (...args: string[]) => void execFileSync(UTIL, args, { stdio: 'ignore' })
  return {
    folder,
    initToken: (label) => util('--init-token', '--free', '--label', label, '--so-pin', SO_PIN, '--pin', PIN),
    deleteToken: (label) => util('--delete-token', '--token', label),
    [Symbol.dispose]: () => {
      delete process.env['SOFTHSM2_CONF']
      folder[Symbol.dispose]()
    },
  }
}

/** What an operator's tool does to keys; the product has no use for these calls. */
export class Operator {
  readonly #native: koffi.LibraryHandle
  readonly #library: Pkcs11Library

  constructor(path: string, library: Pkcs11Library) {
    this.#native = koffi.load(path)
    this.#library = library
  }

  /** Puts a key in whose bytes are known. */
  async importKey(token: string, label: string, material: Uint8Array, flags: Flags = {}): Promise<void> {
    const { sensitive = true, extractable = false } = flags
    const switches = { [CK.TOKEN]: true, [CK.PRIVATE]: true, [CK.SIGN]: true, [CK.SENSITIVE]: sensitive }
    const rows = [
      attribute(CK.CLASS, long(CK.SECRET_KEY)),
      attribute(CK.KEY_TYPE, long(CK.GENERIC_SECRET)),
      attribute(CK.LABEL, Buffer.from(label)),
      attribute(CKA_VALUE, Buffer.from(material)),
      ...Object.entries({ ...switches, [CK.EXTRACTABLE]: extractable }).map(([type, on]) =>
        attribute(Number(type), on ? CK.TRUE : CK.FALSE),
      ),
    ]
    await this.#withSession(token, async (session) => {
      const types = ['ulong', koffi.pointer(CK_ATTRIBUTE), 'ulong', 'void *']
      this.#call('C_CreateObject', types, session, rows, rows.length, Buffer.alloc(8))
    })
  }

  async destroyKeys(token: string, label: string): Promise<void> {
    await this.#withSession(token, async (session) => {
      for (const key of await this.#library.find(session, [[CK.LABEL, Buffer.from(label)]])) {
        this.#call('C_DestroyObject', ['ulong', 'ulong'], session, key)
      }
    })
  }

  /** As when the token is pulled out of its reader for a moment: every session is gone, and the login with them. */
  async closeAllSessions(token: string): Promise<void> {
    this.#call('C_CloseAllSessions', ['ulong'], await this.#library.findSlot(token))
  }

  async changePin(token: string, from: string, to: string): Promise<void> {
    await this.#withSession(
      token,
      async (session) => {
        const types = ['ulong', 'str', 'ulong', 'str', 'ulong']
        this.#call('C_SetPIN', types, session, from, from.length, to, to.length)
      },
      from,
    )
  }

  async #withSession(token: string, use: (session: Handle) => Promise<void>, pin = PIN): Promise<void> {
    const slot = await this.#library.findSlot(token)
    if (slot === null) throw new Error(`There is no token ${token}.`)
    const session = await this.#library.openSession(slot, CK.RW_SESSION)
    await this.#library.login(session, pin)
    await use(session)
    await this.#library.closeSession(session)
  }

  #call(name: string, types: (string | koffi.TypeObject)[], ...args: unknown[]): void {
    const ckr = Number(this.#native.func(name, 'ulong', types)(...args))
    if (ckr !== 0) throw new Error(`${name}: 0x${ckr.toString(16)}`)
  }
}

interface Flags {
  readonly sensitive?: boolean
  readonly extractable?: boolean
}

const CK_ATTRIBUTE = koffi.struct({ type: 'ulong', pValue: 'void *', ulValueLen: 'ulong' })
const CKA_VALUE = 0x11

function attribute(type: number, pValue: Buffer) {
  return { type, pValue, ulValueLen: pValue.length }
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
