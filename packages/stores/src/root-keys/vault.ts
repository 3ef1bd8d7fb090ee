import { readFile } from 'node:fs/promises'
import { deriveKid, PortFailure, type PortFailureCode } from '@lunadefend/core'
import { Agent, request } from 'undici'
import type { VaultEntry } from './entry.ts'
import { type Holder, openRemote } from './remote.ts'
import { expectKid, type RootKey, type RootKeySurroundings } from './root-key.ts'
import { readSecretFile } from './secret-source.ts'

/** More than any answer to two inputs. */
const MAX_ANSWER_BYTES = 16 * 1024

/**
 * A key of the transit engine of Vault or OpenBao (`POST /transit/hmac/:name/sha2-256`).
 *
 * A key that was deleted and made again has the same name and the same version, so each request asks for two outputs at
 * once: the one that is wanted, and the one that the kid is derived from.
 *
 * @throws {PortFailure} a code of `root_key_*`; no message holds the token, an input or an output
 */
export async function openVault(entry: VaultEntry, surroundings: RootKeySurroundings): Promise<RootKey> {
  const dispatcher = new Agent({ connect: await authority(entry) })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => dispatcher.destroy())
  const where = `${entry.address}, transit key ${entry.key} version ${entry.version}`
  let known = entry.kid
  const ask = async (input: Uint8Array, signal: AbortSignal) => {
    const [mac, kid] = await askTwo(input, (inputs) => hmacs({ entry, where, dispatcher, signal }, inputs))
    expectKid(known, kid, where)
    known = kid
    return mac
  }
  const holder: Holder = { where, ask, [Symbol.asyncDispose]: () => dispatcher.destroy() }
  const key = await openRemote(holder, entry, surroundings)
  stack.move()
  return key
}

async function authority({ caFile }: VaultEntry): Promise<{ ca?: string }> {
  if (caFile === undefined) return {}
  const ca = await readFile(caFile, 'utf8').catch(() => '')
  if (ca.includes('-----BEGIN CERTIFICATE-----')) return { ca }
  throw new PortFailure('root_key_unreachable', `caFile ${caFile} holds no certificate that can be read.`)
}

type Ask = (inputs: readonly Uint8Array[]) => Promise<Uint8Array[]>

/** The output, and the kid of the key that made it. */
async function askTwo(input: Uint8Array, ask: Ask): Promise<[mac: Uint8Array, kid: string]> {
  let mac: Uint8Array = new Uint8Array()
  const kid = await deriveKid(async (kidInput) => {
    const [wanted = mac, ofKid = mac] = await ask([input, kidInput])
    mac = wanted
    return ofKid
  })
  return [mac, kid]
}

interface Call {
  readonly entry: VaultEntry
  readonly where: string
  readonly dispatcher: Agent
  readonly signal: AbortSignal
}

async function hmacs(call: Call, inputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const { entry, where } = call
  const body = {
    key_version: entry.version,
    batch_input: inputs.map((input) => ({ input: Buffer.from(input).toString('base64') })),
  }
  const { status, text } = await post(call, JSON.stringify(body))
  if (status !== 200) throw failureOf(status, text, where)
  return resultsOf(text, where, inputs.length).map((result) => macOf(result, entry.version, where))
}

async function post(call: Call, body: string): Promise<{ status: number; text: string }> {
  const { entry, where, dispatcher, signal } = call
  const url = `${entry.address}/v1/${entry.mount ?? 'transit'}/hmac/${entry.key}/sha2-256`
  // The token is read each time: an agent renews it in place.
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-vault-request': 'true',
    'x-vault-token': await readSecretFile(entry.tokenFile),
  }
  if (entry.namespace !== undefined) headers['x-vault-namespace'] = entry.namespace
  try {
    const answer = await request(url, { method: 'POST', headers, body, signal, dispatcher })
    return { status: answer.statusCode, text: await bounded(answer.body) }
  } catch (error) {
    throw new PortFailure('root_key_unreachable', `${where} (${codeOf(error)}).`)
  }
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw Object.assign(new Error('too long'), { code: 'ANSWER_TOO_LONG' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
}

/** Vault says with a sentence alone what it did not find, or what its operator has switched off. */
const REFUSALS: readonly [sentence: RegExp, code: PortFailureCode][] = [
  [/version is too old/, 'root_key_disabled'],
  [/(?:encryption key|key version|version) (?:not found|does not exist)|no key version/, 'root_key_missing'],
  [/soft.?deleted/, 'root_key_disabled'],
]

function failureOf(status: number, text: string, where: string): PortFailure {
  const code = codeOfStatus(status, text)
  return new PortFailure(code, `${where}: status ${status}.`)
}

function codeOfStatus(status: number, text: string): PortFailureCode {
  if (status === 429) return 'root_key_throttled'
  // 412: this node has not seen the token yet; 472, 473: it is a standby; 3xx: it sends elsewhere.
  if (status >= 500 || status < 400 || [412, 472, 473].includes(status)) return 'root_key_unreachable'
  if (status === 404) return 'root_key_missing'
  return REFUSALS.find(([sentence]) => sentence.test(text))?.[1] ?? 'root_key_refused'
}

function resultsOf(text: string, where: string, count: number): unknown[] {
  const results = parsed(text)?.data?.batch_results
  if (Array.isArray(results) && results.length === count) return results
  throw new PortFailure('root_key_garbled', `${where}: the answer holds no list of ${count} outputs.`)
}

function parsed(text: string): { data?: { batch_results?: unknown } } | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** `vault:v1:<base64>`; the version is the pinned one, or it is the output of another key. */
function macOf(result: unknown, version: number, where: string): Uint8Array {
  const hmac = (result as { hmac?: unknown } | null)?.hmac
  const [, answered, text] = /^vault:v(\d+):([A-Za-z0-9+/]+={0,2})$/.exec(String(hmac)) ?? []
  if (text === undefined) throw new PortFailure('root_key_garbled', `${where}: an output is missing.`)
  if (Number(answered) === version) return Buffer.from(text, 'base64')
  throw new PortFailure('root_key_wrong', `${where}: version ${answered} answered.`)
}
