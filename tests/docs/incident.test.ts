import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lunadefend } from '../../packages/cli/test/stage.ts'
import { asApplication, logIn, type SigningKey } from '../harness/handshake.ts'
import { openHouse } from '../harness/house.ts'
import { ORIGIN } from '../harness/installation.ts'
import { upload } from '../harness/store.ts'
import { fleetOf, newSigningKey, publicPart } from '../harness/tokenizers.ts'
import { Wire } from '../harness/wire.ts'
import { read } from './document.ts'

const commands = read('docs/incident.md')
  .split('\n')
  .filter((line) => line.startsWith('lunadefend '))

test('what to do when something is wrong: each command does it, in that order', async () => {
  await using house = await openHouse()
  const [key, operator]: SigningKey[] = [await newSigningKey('key'), await newSigningKey('ops')]
  const fleet = await fleetOf(house)
  const more = { operators: [{ id: 'ops', jwks: { keys: [publicPart(operator as SigningKey)] } }] }
  await using _ = await fleet.start([key as SigningKey], undefined, more)
  const wire = await Wire.open(fleet.publicUrl)
  const session = await logIn(wire, {
    app: 'acme',
    origin: ORIGIN,
    signingKey: key as SigningKey,
    sid: 'alice',
  })
  const made = await wire.call('/tokenize', { headers: session.headers, body: { contentLength: 5 } })
  await upload(made.body.data, 'value')
  const { tokenId } = made.body.data

  const headers = await asApplication(wire, 'acme', key as SigningKey)
  await wire.call('/grant/set', { headers, body: { sessionId: 'alice', tokenId } })
  const statusOfRead = async () =>
    (await wire.call('/detokenize', { headers: session.headers, body: { tokenId } })).status
  expect(await statusOfRead()).toBe(200)
  const checkpoint = () => fetch(`${wire.url}/audit/checkpoint`, { headers }).then((answer) => answer.text())
  await expect.poll(async () => (await checkpoint()).split('\n')[1]).toBeTruthy()

  const files: Record<string, string> = {
    'tokenizer.json': JSON.stringify(fleet.settings([key as SigningKey], more)),
    'ops.private.jwk': JSON.stringify(operator),
    'checkpoint.txt': await checkpoint(),
    'session.txt': 'alice\n',
    'token.txt': `${tokenId}\n`,
  }
  const at = (name: string) => join(house.directory, name)
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content, { mode: 0o600 })
  const [vkey = ''] = (await lunadefend(['audit', 'key', '--config', at('tokenizer.json')])).output.split(
    '\n',
  )

  expect(commands.length).toBeGreaterThan(15)
  const reads: number[] = []
  for (const line of commands) {
    const [said = '', input] = line.replace('$(cat log.vkey)', vkey).split(' < ')
    const args = said
      .split(' ')
      .slice(1)
      .map((word) => {
        if (word === 'https://tokenizer.example.com') return fleet.publicUrl
        if (word === 'hello') return 'acme'
        return word in files || word === 'evidence.jsonl' ? at(word) : word
      })
    const signal = AbortSignal.timeout(300)
    const ran = await lunadefend(args, { input: input === undefined ? '' : (files[input] ?? ''), signal })
    expect({ line, ...ran }).toMatchObject({ line, exit: 0, errors: '' })
    reads.push(await statusOfRead())
  }
  const frozen = commands.findIndex((line) => line.includes('block set'))
  expect(reads).toEqual(commands.map((_, n) => (n < frozen || n === commands.length - 1 ? 200 : 403)))
})
