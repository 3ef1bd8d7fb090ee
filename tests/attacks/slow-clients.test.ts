import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Installation, install } from '../harness/installation.ts'
import { parseAnswers } from '../harness/raw-http.ts'

/* Who sends slowly, or never ends, is let go with a clear answer, and nobody else has to wait for it. */

let on: Installation
let application: string
beforeAll(async () => {
  on = await install()
  application = (await on.application())['authorization'] as string
})
afterAll(() => on[Symbol.asyncDispose]())

interface Slow {
  readonly socket: Socket
  /** All that came, once the connection has ended. */
  readonly ended: Promise<string>
}

function open(start: string, more: string | null): Slow {
  const socket = connect(Number(new URL(on.wire.url).port), '127.0.0.1')
  let text = ''
  socket.write(start)
  socket.on('data', (chunk) => {
    text += chunk
  })
  const drip = more === null ? undefined : setInterval(() => socket.write(more), 500)
  const ended = new Promise<string>((resolve) => {
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(drip)
      resolve(text)
    })
  })
  return { socket, ended }
}

const head = () =>
  `POST /grant/revoke HTTP/1.1\r\nhost: x\r\nauthorization: ${application}\r\ncontent-type: application/json\r\n`

describe.concurrent('a request that does not end', () => {
  const kinds: [string, () => string, string | null][] = [
    ['in its headers', () => head(), null],
    ['in its headers, drop by drop', () => head(), 'x: y\r\n'],
    ['in its body', () => `${head()}content-length: 1000\r\n\r\n{"sessionId":"`, null],
    ['in its body, drop by drop', () => `${head()}content-length: 1000\r\n\r\n{"sessionId":"`, 'x'],
    [
      'in its chunks, drop by drop',
      () => `${head()}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
      '1\r\n \r\n',
    ],
  ]
  test.each(kinds)('%s', { timeout: 60_000 }, async (_where, start, more) => {
    const [answer, ...rest] = parseAnswers(await open(start(), more).ended)
    expect(rest).toEqual([])
    expect(answer?.status).toBe(400)
    expect(JSON.parse(answer?.text ?? '').error.code).toBe('invalid_request')
    expect(answer?.headers['connection']).toBe('close')
  })

  test('many of them at once leave the others alone', { timeout: 60_000 }, async () => {
    const many = Array.from({ length: 200 }, (_, i) =>
      open(i % 2 === 0 ? head() : `${head()}content-length: 1000\r\n\r\n{`, null),
    )
    const alice = await on.logIn('alice')
    const tokenId = await on.protect(alice, 'value')
    await on.grant('alice', tokenId)
    expect(await on.reveal(await on.detokenize(alice, tokenId))).toBe('value')
    for (const { socket } of many) socket.destroy()
  })
})

test('a connection that breaks off leaves nothing behind and stops nothing', async () => {
  for (const start of [
    '',
    'P',
    head(),
    `${head()}content-length: 1000\r\n\r\n{`,
    'GET /health HTTP/1.1\r\nhost: x\r\n\r\n',
  ]) {
    const { socket, ended } = open(start, null)
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.resetAndDestroy()
    await ended
  }
  expect((await fetch(`${on.wire.url}/health`)).status).toBe(200)
})
