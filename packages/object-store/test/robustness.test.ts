import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startObjectStore } from '@lunadefend/object-store'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  BUCKET,
  call,
  credentials,
  filesOf,
  masterKey,
  oneConnection,
  presigned,
  REGION,
  send,
  sendBytes,
  sse,
  startTestStore,
  type TestStore,
} from './harness.ts'

// So that what is measured is what is held, not what has not been swept up yet.
setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

let store: TestStore
beforeEach(async () => {
  store = await startTestStore()
})
afterEach(async () => {
  // Whatever came, the store still works, and did not fail.
  expect((await call(store, 'PUT', 'after', { body: 'fine' })).status).toBe(200)
  expect((await call(store, 'GET', 'after')).body.toString()).toBe('fine')
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10)
}

/** The head of a PUT with a presigned URL, and a connection to send it on. */
function startPut(key: string, lines: string[], url = presigned(store, 'PUT', key)): Socket {
  const { host, pathname, search } = new URL(url)
  const socket = connect(store.running.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write([`PUT ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n'))
  return socket
}

async function readUntil(socket: Socket, text: string): Promise<string> {
  let received = ''
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    received += piece.toString('latin1')
    if (received.includes(text)) return received
  }
  return received
}

describe('garbage', () => {
  const host = 'Host: localhost\r\n'
  // Node answers these itself, and without a document.
  const SAID_BY_NODE = ['no Host', 'another expectation']
  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['binary', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]), 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['an absolute target', `GET http://evil.example/ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    ['a star', `GET * HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    ['a fragment', `GET /a#b HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    ['a broken percent sign', `GET /%zz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    ['a percent sign that is no UTF-8', `GET /%ff HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    ['a broken parameter', `GET /a?b=%e0%a4 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
    [
      'letters that are not ASCII',
      Buffer.from(`GET /\xe9 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 'latin1'),
      400,
    ],
    ['two lengths', `PUT /a HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
    [
      'a length and chunks',
      `PUT /a HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['a header with a zero byte', `GET /a HTTP/1.1\r\n${host}X-A: a\0b\r\n\r\n`, 400],
    ['a negative length', `PUT /a HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, 400],
    ['a long target', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`, 431],
    ['many headers', `GET /a HTTP/1.1\r\n${host}${'X-A: b\r\n'.repeat(3000)}\r\n`, 431],
    ['another expectation', `PUT /a HTTP/1.1\r\n${host}Expect: wonders\r\nConnection: close\r\n\r\n`, 417],
    ['an upgrade', `GET /a HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 403],
  ])('%s is answered with an error', async (what, bytes, status) => {
    const answer = await sendBytes(store, bytes)
    expect(answer.split('\r\n')[0]).toContain(` ${status} `)
    if (!SAID_BY_NODE.includes(what)) expect(answer).toContain('<Error><Code>')
  })

  test('any bytes leave the store alive', async () => {
    const line = fc.stringMatching(/^[ -~]{0,40}$/)
    const almostHttp = fc
      .tuple(fc.constantFrom('GET', 'PUT', 'HEAD', 'OPTIONS', 'X'), line, fc.array(line, { maxLength: 5 }))
      .map(
        ([method, target, lines]) =>
          `${method} /${target} HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`,
      )
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), almostHttp)
    await fc.assert(
      fc.asyncProperty(bytes, async (garbage) => {
        expect(await sendBytes(store, garbage)).not.toMatch(/^HTTP\/1\.1 (2|500)/)
      }),
      { numRuns: 200 },
    )
    expect(await filesOf(store.directory, 'objects')).toEqual([])
  })

  test('a PUT without any length', async () => {
    const socket = startPut('key', ['Connection: close'])
    expect(await readUntil(socket, '</Error>')).toContain('<Code>MissingContentLength</Code>')
  })

  test('a PUT with ranges, dates and metadata of any kind never fails inside', async () => {
    const value = fc
      .string({ unit: 'binary', maxLength: 20 })
      .map((text) => text.replace(/[^\t -~\xa0-\xff]/g, ''))
    const fields = fc.record({
      range: value,
      'if-range': value,
      'if-match': value,
      'if-none-match': value,
      'if-modified-since': value,
      'if-unmodified-since': value,
    })
    await call(store, 'PUT', 'key', { body: 'body' })
    await fc.assert(
      fc.asyncProperty(fields, value, async (unsigned, note) => {
        const get = await call(store, 'GET', 'key', { unsigned })
        expect([200, 206, 304, 412, 416]).toContain(get.status)
        const trimmed = note.replace(/^[\t ]+|[\t ]+$/g, '')
        const put = await call(store, 'PUT', 'noted', { headers: { 'x-amz-meta-note': trimmed }, body: '' })
        expect(put.status).toBe(200)
        expect((await call(store, 'GET', 'noted')).headers['x-amz-meta-note']).toBe(trimmed)
      }),
    )
  })
})

describe('an upload that breaks off', () => {
  test('leaves nothing that can be seen', async () => {
    const socket = startPut('key', ['Content-Length: 1000000'])
    socket.write(randomBytes(200_000))
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 1)
    expect((await call(store, 'GET', 'key')).code).toBe('NoSuchKey')
    socket.destroy()
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 0)
    expect((await call(store, 'GET', 'key')).code).toBe('NoSuchKey')
    expect(await filesOf(store.directory, 'objects')).toEqual([])
  })

  test('leaves what was there before', async () => {
    await call(store, 'PUT', 'key', { body: 'before' })
    const socket = startPut('key', ['Content-Length: 1000000'])
    socket.write(randomBytes(200_000))
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 1)
    expect((await call(store, 'GET', 'key')).body.toString()).toBe('before')
    socket.destroy()
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 0)
    expect((await call(store, 'GET', 'key')).body.toString()).toBe('before')
  })

  test('does not stop the store from closing', async () => {
    const socket = startPut('key', ['Content-Length: 1000000'])
    socket.write(randomBytes(200_000))
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 1)
    await store.running.close()
    expect(await filesOf(store.directory, 'temporary')).toEqual([])
    const { directory } = store
    store = await startTestStore({ directory }, true)
    expect((await call(store, 'GET', 'key')).code).toBe('NoSuchKey')
  })
})

describe('a client that waits for permission to send', () => {
  const waiting = ['Content-Length: 4', 'Expect: 100-continue']

  test('gets it when all is well', async () => {
    const socket = startPut('key', waiting)
    expect(await readUntil(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    socket.write('body')
    expect(await readUntil(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
    socket.destroy()
    expect((await call(store, 'GET', 'key')).body.toString()).toBe('body')
  })

  test.each([
    ['is not signed', () => `${store.url}/${BUCKET}/key`, 403],
    ['has another signature', () => presigned(store, 'GET', 'key'), 403],
    ['may not replace', () => presigned(store, 'PUT', 'taken', { headers: { 'if-none-match': '*' } }), 412],
  ])('does not get it when the request %s', async (_, url, status) => {
    await call(store, 'PUT', 'taken', { body: 'taken' })
    const socket = startPut('key', ['If-None-Match: *', ...waiting], url())
    const answer = await readUntil(socket, '</Error>')
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    // What comes next on this connection could be the body or another request.
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(answer).not.toContain('100 Continue')
  })
})

describe('connections', () => {
  test('a refused body does not spoil the next request', async () => {
    const exchange = oneConnection()
    const put = presigned(store, 'PUT', 'key')
    const refused = await exchange('PUT', put.replace(/.$/, '_'), randomBytes(1_000_000))
    const { port } = refused
    expect(refused.status).toBe(403)
    expect(await exchange('GET', put)).toMatchObject({ status: 403, port })
    expect(await exchange('PUT', put, randomBytes(10))).toMatchObject({ status: 200, port })
    expect(await exchange('GET', presigned(store, 'GET', 'key'))).toMatchObject({ status: 200, port })
  })

  test('a reader who does not read makes the store hold back, not fill its memory', async () => {
    const size = 64 * 1024 * 1024
    const headers = sse()
    const { host, pathname, search } = new URL(presigned(store, 'GET', 'big', { headers }))
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    const put = httpRequest(presigned(store, 'PUT', 'big', { headers }), {
      method: 'PUT',
      headers: { ...headers, 'content-length': size },
    })
    let highest = 0
    const watch = () => {
      collectGarbage()
      highest = Math.max(highest, process.memoryUsage().arrayBuffers)
    }
    collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    for (let sent = 0; sent < size; sent += chunk.length) {
      if (!put.write(chunk)) await once(put, 'drain')
      if (sent % (8 * chunk.length) === 0) watch()
    }
    put.end()
    const [stored]: IncomingMessage[] = await once(put, 'response')
    expect(stored?.statusCode).toBe(200)
    stored?.resume()
    const socket = connect(store.running.port, '127.0.0.1')
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    socket.write([`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n'))
    await once(socket, 'readable')
    for (let i = 0; i < 5; i += 1) {
      await sleep(50)
      watch()
    }
    expect(highest - before).toBeLessThan(size / 2)
    socket.destroy()
  })

  test('a reader who leaves in the middle is no failure, and the file is let go', async () => {
    await call(store, 'PUT', 'key', { body: randomBytes(20_000_000) })
    for (let i = 0; i < 5; i += 1) {
      const response = await fetch(presigned(store, 'GET', 'key'))
      const reader = response.body?.getReader()
      await reader?.read()
      await reader?.cancel()
    }
    await eventually(async () => (await openFiles()).length === 0)
  })

  test('no request leaves a file open', async () => {
    const headers = sse()
    await call(store, 'PUT', 'key', { headers, body: randomBytes(100_000) })
    await call(store, 'PUT', 'key', {
      headers,
      body: 'x',
      unsigned: { 'content-md5': `${'A'.repeat(22)}==` },
    })
    await call(store, 'PUT', 'key', { headers: { 'if-none-match': '*' }, body: 'x' })
    const unsigned = [
      {},
      { range: 'bytes=1-2' },
      { range: 'bytes=999999-' },
      { 'if-match': '"x"' },
      { 'if-none-match': '*' },
    ]
    for (const method of ['GET', 'HEAD']) {
      for (const each of unsigned) await call(store, method, 'key', { headers, unsigned: each })
      await call(store, method, 'key')
      await call(store, method, 'key', { headers: sse() })
    }
    await eventually(async () => (await openFiles()).length === 0)
  })

  /** Files of the store that this process has open. */
  async function openFiles(): Promise<string[]> {
    const descriptors = await readdir('/proc/self/fd')
    const targets = descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
    return (await Promise.all(targets)).filter((target) => target.startsWith(store.directory))
  }
})

describe('the end', () => {
  test('lets what is under way finish, and does not wait for connections on which nothing is asked', async () => {
    const idle = connect(store.running.port, '127.0.0.1')
    await once(idle, 'connect')
    const socket = startPut('key', ['Content-Length: 200004'])
    socket.write(randomBytes(200_000))
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 1)
    const order: string[] = []
    const closed = store.running.close().then(() => order.push('closed'))
    idle.resume().on('close', () => order.push('idle connection ended'))
    socket.write('body')
    expect(await readUntil(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
    await closed
    await eventually(async () => order.length === 2)
    const { directory } = store
    store = await startTestStore({ directory }, true)
    expect((await call(store, 'GET', 'key')).body).toHaveLength(200_004)
  })
})

describe('the start', () => {
  const options = () => ({
    directory: store.directory,
    bucket: BUCKET,
    region: REGION,
    credentials,
    corsOrigins: [],
    masterKey,
  })

  test('on a busy port fails as the system says, and leaves the other store alone', async () => {
    const socket = startPut('key', ['Content-Length: 4', 'Connection: close'])
    await eventually(async () => (await filesOf(store.directory, 'temporary')).length === 1)
    const busy = startObjectStore({ ...options(), port: store.running.port })
    await expect(busy).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'listen',
      port: store.running.port,
    })
    socket.write('body')
    expect(await readUntil(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('in a place that is no folder fails as the system says, and frees its port', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'objects-'))
    const file = join(folder, 'file')
    await writeFile(file, '')
    const probe = createServer()
    await once(probe.listen(0, '127.0.0.1'), 'listening')
    const address = probe.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => probe.close(resolve))
    const start = startObjectStore({ ...options(), directory: file, port })
    await expect(start).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(
      startObjectStore({ ...options(), directory: join(file, 'below'), port }),
    ).rejects.toMatchObject({ code: 'ENOTDIR' })
    await using free = await startTestStore({ port })
    expect(free.running.port).toBe(port)
    await rm(folder, { recursive: true })
  })

  test.each([
    ['a short master key', { masterKey: randomBytes(31) }],
    ['a long master key', { masterKey: randomBytes(33) }],
    ['no bucket', { bucket: '' }],
    ['a bucket that is a path', { bucket: 'a/../b' }],
    ['a region with a slash', { region: 'a/b' }],
    ['no access key', { credentials: { ...credentials, accessKeyId: '' } }],
    ['no secret', { credentials: { ...credentials, secretAccessKey: '' } }],
    ['a short secret', { credentials: { ...credentials, secretAccessKey: 'changeme' } }],
  ])('with %s is refused', async (_, change) => {
    await expect(startObjectStore({ ...options(), port: 0, ...change })).rejects.toThrow(TypeError)
  })

  test('on an IPv6 address has a URL that works', async () => {
    await using other = await startTestStore({ host: '::1' })
    expect(other.url).toBe(`http://[::1]:${other.running.port}`)
    const response = await fetch(presigned(other, 'PUT', 'key'), { method: 'PUT', body: 'x' })
    expect(response.status).toBe(200)
  })

  test('twice on one directory, one after the other; closing twice is closing once', async () => {
    await call(store, 'PUT', 'key', { body: 'x' })
    await Promise.all([store.running.close(), store.running.close()])
    await store.running.close()
    await expect(send({ method: 'GET', url: presigned(store, 'GET', 'key') })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    const { directory } = store
    store = await startTestStore({ directory }, true)
    expect((await call(store, 'GET', 'key')).body.toString()).toBe('x')
  })
})
