import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import { describe, expect, test } from 'vitest'
import { settle, shareStage, startStage } from './stage.ts'
import { type Fault, refuse, xml } from './stand-in.ts'

const shared = shareStage((world) => {
  world.waits = { call: 1000, upload: 1000, retry: 60_000 }
})

const html =
  (status: number): Fault =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html><h1>Bad gateway</h1></html>')
    return true
  }
const body =
  (status: number, text: string): Fault =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    return true
  }
const envelope =
  (status: number, code: string): Fault =>
  (request, response) => {
    request.resume()
    refuse(response, status, code)
    return true
  }
const dropped: Fault = (request) => {
  request.socket.destroy()
  return true
}
/** The connection ends in the middle of the body. */
const cut: Fault = (request, response) => {
  request.resume()
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    .write('{"success":')
  setTimeout(() => response.destroy(), 20)
  return true
}
const silent: Fault = () => true
const stalls: Fault = (request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/json' }).write('{')
  return true
}
const moved: Fault = (request, response) => {
  request.resume()
  response.writeHead(302, { location: 'http://localhost:1/' }).end()
  return true
}

const OF_TOKENIZER: [string, Fault, FrameFailure][] = [
  ['a 502 page', html(502), 'tokenizer-unreachable'],
  ['a 200 page', html(200), 'failed'],
  ['a 500 page', html(500), 'failed'],
  ['no JSON', body(200, 'ok'), 'failed'],
  ['nothing', body(200, ''), 'failed'],
  ['a list', body(200, '[]'), 'failed'],
  ['null', body(200, 'null'), 'failed'],
  ['success without data', body(200, '{"success":true,"error":{}}'), 'failed'],
  ['data without success', body(200, '{"data":{}}'), 'failed'],
  ['data of another shape', body(200, '{"success":true,"data":{"headers":[1]}}'), 'no-session'],
  ['an envelope of refusal', envelope(403, 'access_denied'), 'access-denied'],
  ['another refusal', envelope(403, 'forbidden'), 'failed'],
  ['a refusal with success as its status', envelope(200, 'access_denied'), 'access-denied'],
  ['that a request came too late, twice', html(408), 'tokenizer-unreachable'],
  ['too many requests', envelope(429, 'too_many_requests'), 'failed'],
  ['unavailable', envelope(503, 'unavailable'), 'tokenizer-unreachable'],
  ['a dropped connection', dropped, 'tokenizer-unreachable'],
  ['half an answer', cut, 'tokenizer-unreachable'],
  ['a redirect', moved, 'tokenizer-unreachable'],
  ['silence', silent, 'timed-out'],
  ['an answer that stalls', stalls, 'timed-out'],
]

const OF_STORE: [string, Fault, FrameFailure][] = [
  ['S3 XML', (request, response) => { request.resume(); xml(response, 403, 'SignatureDoesNotMatch'); return true }, 'store-refused'], // biome-ignore format: one line
  ['a 502 page', html(502), 'store-refused'],
  ['a dropped connection', dropped, 'store-unreachable'],
  ['a redirect', moved, 'store-unreachable'],
  ['silence', silent, 'timed-out'],
]

describe('/detokenize answers', () => {
  test.each(OF_TOKENIZER)('%s', (_, fault, code) => expectFailure('/detokenize', fault, code))
})
test('a request of which the server says that it came too late is sent once more', async () => {
  const { world, mount } = shared()
  let asked = 0
  world.faults.set('/detokenize', (request, response) => {
    asked += 1
    return asked === 1 && html(408)(request, response)
  })
  const frame = await mount('paragraph')
  expect(await frame.ask({ type: 'load', tokenId: world.put('stored') })).toEqual({ type: 'loaded' })
  expect(await frame.value.textContent()).toBe('stored')
  expect(asked).toBe(2)
  world.faults.clear()
  await frame.remove()
})
// The same code reads every answer; here it is what comes after that counts.
const SOME = OF_TOKENIZER.filter(([, fault, code]) => fault === silent || code === 'tokenizer-unreachable')
describe.each(['/tokenize', '/session/challenge', '/session'])('%s answers', (path) => {
  test.each(SOME)('%s', (_, fault, code) => expectFailure(path, fault, code))
})
describe.each(['PUT', 'GET'])('the store answers a %s with', (method) => {
  test.each(OF_STORE)('%s', (_, fault, code) => expectFailure(method, fault, code))
})

/** One failure, told by its code; typed text stays, shown text goes; and the next try works. */
async function expectFailure(path: string, fault: Fault, code: FrameFailure): Promise<void> {
  const isReading = path === '/detokenize' || path === 'GET'
  const { world, page, mount } = shared()
  const token = world.put('stored')
  world.faults.set(path, fault)
  // A new page load has no session yet.
  if (path.startsWith('/session')) await page.reload()
  const frame = await mount(isReading ? 'paragraph' : 'input')
  if (!isReading) await frame.value.pressSequentially('typed')
  const request = isReading ? ({ type: 'load', tokenId: token } as const) : ({ type: 'tokenize' } as const)
  expect(await frame.ask(request)).toEqual({ type: 'failed', code })
  if (isReading) expect(await frame.value.textContent()).toBe('')
  else expect(await frame.value.inputValue()).toBe('typed')
  expect(await frame.value.getAttribute('aria-busy')).not.toBe('true')
  world.faults.clear()
  const again = await frame.ask(request)
  expect(again.type).toBe(isReading ? 'loaded' : 'tokenized')
  if (!isReading) expect(world.values.get(again.tokenId ?? '')?.toString()).toBe('typed')
  await frame.remove()
}

describe('a place that is taken', () => {
  const taken: Fault = (request, response) => {
    request.resume()
    xml(response, 412, 'PreconditionFailed')
    return true
  }

  test('is never success: the value goes under another token', async () => {
    await using stage = await startStage()
    const { world } = stage
    let isFirst = true
    world.faults.set('PUT', (request, response) => {
      if (!isFirst) return false
      isFirst = false
      return taken(request, response)
    })
    const field = await stage.mount('input')
    await field.value.pressSequentially('typed')
    const { type, tokenId = '' } = await field.ask({ type: 'tokenize' })
    expect(type).toBe('tokenized')
    expect(world.values.get(tokenId)?.toString()).toBe('typed')
    expect(world.callsTo('/tokenize')).toHaveLength(2)
  })

  test('twice is a failure', async () => {
    await using stage = await startStage()
    stage.world.faults.set('PUT', taken)
    const field = await stage.mount('input')
    await field.value.pressSequentially('typed')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'store-refused' })
    expect(stage.world.callsTo('/tokenize')).toHaveLength(2)
    expect(await field.value.inputValue()).toBe('typed')
  })
})

test('everything together has an end, too', async () => {
  await using stage = await startStage((world) => {
    world.waits = { request: 300, call: 120_000 }
  })
  stage.world.faults.set('GET', silent)
  const frame = await stage.mount('paragraph')
  expect(await frame.ask({ type: 'load', tokenId: stage.world.put('x') })).toEqual({
    type: 'failed',
    code: 'timed-out',
  })
})

test('no failure writes to the console by itself', async () => {
  await using stage = await startStage()
  stage.world.faults.set('/tokenize', body(200, 'ok'))
  const field = await stage.mount('input')
  await field.value.pressSequentially('typed')
  expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
  await settle(stage.page)
  expect(stage.console).toEqual([])
})
