import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { openS3 } from '@lunadefend/stores/s3'
import { afterEach, describe, expect, test } from 'vitest'
import { AUTHORITY, SERVER } from './s3-certificates.ts'
import { failure, failureOf, settings, startScript, status } from './s3-stub.ts'
import { type Scratch, scratch } from './scratch.ts'

const KEY = 'v1/00112233445566778899aabbccddeeff'

async function startTlsStore() {
  const seen: string[] = []
  const server = createTlsServer(SERVER, (request, answer) => {
    seen.push(`${request.method} ${request.url}`)
    answer.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    seen,
    port,
    endpoint: `https://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A proxy that remembers what it saw: names of hosts for tunnels, whole requests otherwise. */
async function startProxy() {
  const tunnels: string[] = []
  const forwarded: IncomingMessage[] = []
  const server = createServer((request, answer) => {
    forwarded.push(request)
    answer.writeHead(204).end()
  })
  server.on('connect', (request, socket) => {
    tunnels.push(String(request.url))
    const far = connect(Number(String(request.url).split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(socket).pipe(far)
    })
    for (const end of [far, socket]) end.on('error', () => end.destroy())
    socket.on('close', () => far.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    tunnels,
    forwarded,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function authority(folder: Scratch): string {
  const file = folder.file('authority.pem')
  writeFileSync(file, AUTHORITY)
  return file
}

describe('certificates', () => {
  test('a store whose certificate nobody vouches for gets nothing, and is not asked twice', async () => {
    await using server = await startTlsStore()
    await using store = openS3({ ...settings, endpoint: server.endpoint })
    const error = await failureOf(store.delete(KEY))
    expect(error).toMatchObject({ code: 'objects_unreachable' })
    expect(error.message).toContain('caFile')
    expect(server.seen).toEqual([])
  })

  test('the file of certificates makes it known', async () => {
    using folder = scratch()
    await using server = await startTlsStore()
    await using store = openS3({ ...settings, endpoint: server.endpoint, caFile: authority(folder) })
    await store.delete(KEY)
    expect(server.seen).toEqual([`DELETE /values/${KEY}`])
  })

  test('a certificate for another name is refused', async () => {
    using folder = scratch()
    await using server = await startTlsStore()
    const endpoint = `https://objects.localhost:${server.port}`
    await using store = openS3({ ...settings, endpoint, caFile: authority(folder) })
    await expect(store.delete(KEY)).rejects.toMatchObject({ code: 'objects_unreachable' })
    expect(server.seen).toEqual([])
  })

  test('a file that is not there, or holds none, is said before anything is sent', () => {
    using folder = scratch()
    const empty = folder.file('empty.pem')
    writeFileSync(empty, 'nothing')
    for (const caFile of [folder.file('missing.pem'), empty]) {
      expect(() => openS3({ ...settings, endpoint: 'https://localhost:1', caFile })).toThrow(
        expect.objectContaining({ code: 'objects_ca_unreadable' }),
      )
    }
  })
})

describe('proxies', () => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
  const set = (changes: Record<string, string>) => {
    for (const name of names) delete process.env[name]
    Object.assign(process.env, changes)
  }
  afterEach(() => {
    set({})
    for (const [name, value] of Object.entries(before)) if (value !== undefined) process.env[name] = value
  })

  test('a proxy carries a tunnel, in which TLS ends at the store', async () => {
    using folder = scratch()
    await using server = await startTlsStore()
    await using proxy = await startProxy()
    const options = { ...settings, endpoint: server.endpoint, caFile: authority(folder), proxy: proxy.url }
    await using store = openS3(options)
    await store.delete(KEY)
    expect(proxy.tunnels).toEqual([`localhost:${server.port}`])
    expect(proxy.forwarded).toEqual([])
    expect(server.seen).toEqual([`DELETE /values/${KEY}`])
    await using stranger = openS3({ ...options, caFile: undefined })
    await expect(stranger.delete(KEY)).rejects.toMatchObject({ code: 'objects_unreachable' })
  })

  test('the environment names the proxy, and who is reached without', async () => {
    using folder = scratch()
    await using server = await startTlsStore()
    await using proxy = await startProxy()
    const options = { ...settings, endpoint: server.endpoint, caFile: authority(folder) }
    set({ HTTPS_PROXY: proxy.url })
    await using through = openS3({ ...options, proxy: 'environment' })
    await through.delete(KEY)
    expect(proxy.tunnels).toHaveLength(1)
    set({ HTTPS_PROXY: proxy.url, NO_PROXY: 'localhost' })
    await using around = openS3({ ...options, proxy: 'environment' })
    await around.delete(KEY)
    expect(proxy.tunnels).toHaveLength(1)
    expect(server.seen).toHaveLength(2)
  })

  test('the environment is not asked unless it is named', async () => {
    await using stub = await startScript(status(204))
    await using proxy = await startProxy()
    set({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url })
    await using store = openS3({ ...settings, endpoint: stub.endpoint })
    await store.delete(KEY)
    expect(stub.seen).toHaveLength(1)
    expect(proxy.forwarded).toEqual([])
  })

  test('a proxy that is away is a store that does not answer', async () => {
    await using stub = await startScript(failure(500, 'InternalError'))
    await using store = openS3({ ...settings, endpoint: stub.endpoint, proxy: 'http://127.0.0.1:9' })
    await expect(store.delete(KEY)).rejects.toMatchObject({ code: 'objects_unreachable' })
    expect(stub.seen).toEqual([])
  })
})
