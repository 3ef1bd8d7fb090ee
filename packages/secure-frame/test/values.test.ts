import { describe, expect, test } from 'vitest'
import { expectState, type Mounted, shareStage, startStage } from './stage.ts'
import type { Fault } from './stand-in.ts'

const shared = shareStage()

const EXACT = {
  zero: '0',
  false: 'false',
  null: 'null',
  decimal: '0.10',
  'long number': '9007199254740993',
  quoted: '"quoted"',
  JSON: '{"a": [1, 2.50], "b": null}',
  emoji: '👩‍👩‍👧‍👦🇩🇪 e\u0301',
  'right to left': 'שלום \u202eabc\u202c عالم',
  'white space': '  two  spaces\tand a tab  ',
  markup: '<img src=x onerror=alert(1)>&amp;',
  'byte order mark': '\ufeffwith a mark',
  'eight KiB': 'ä😀x'.repeat(1170).slice(0, 8192),
}

const clipboard = (mounted: Mounted, text: string): Promise<void> =>
  mounted.value.evaluate((element, given) => {
    ;(element as HTMLTextAreaElement).focus()
    document.execCommand('insertText', false, given)
  }, text)

describe('text comes back as it went in', () => {
  test.each(Object.entries(EXACT))('%s', async (_, text) => {
    const stage = shared()
    const { world } = stage
    const field = await stage.mount('textarea')
    await clipboard(field, text)
    const { tokenId = '' } = await field.ask({ type: 'tokenize' })
    expect(world.values.get(tokenId)?.equals(Buffer.from(text))).toBe(true)
    const said = { contentLength: Buffer.byteLength(text), accept: ['e2e'] }
    expect(world.callsTo('/tokenize').at(-1)?.body).toEqual(said)
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId })
    expect(await shown.value.textContent()).toBe(text)
    const again = await stage.mount('textarea')
    await again.ask({ type: 'load', tokenId })
    expect(await again.value.inputValue()).toBe(text)
    expect(await again.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId })
    expect(stage.console).toEqual([])
    for (const frame of [field, shown, again]) await frame.remove()
  })

  test('several lines, as the paragraph shows them', async () => {
    await using stage = await startStage()
    const field = await stage.mount('textarea')
    await field.value.pressSequentially('one\ntwo\n\nthree')
    const { tokenId = '' } = await field.ask({ type: 'tokenize' })
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId })
    expect(await shown.value.innerText()).toBe('one\ntwo\n\nthree')
    expect(await field.said()).not.toContainEqual({ type: 'submit' })
  })

  test('an empty object is an empty text, and bytes that are no text are refused', async () => {
    await using stage = await startStage()
    const shown = await stage.mount('paragraph')
    expect(await shown.ask({ type: 'load', tokenId: stage.world.put('') })).toEqual({ type: 'loaded' })
    expect(await shown.value.textContent()).toBe('')
    const image = stage.world.put(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]))
    expect(await shown.ask({ type: 'load', tokenId: image })).toEqual({ type: 'failed', code: 'not-text' })
    expect(await shown.value.textContent()).toBe('')
  })

  test('half a character is not stored as something else', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    await clipboard(field, 'broken \ud83d')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'not-text' })
    expect(stage.world.callsTo('/tokenize')).toEqual([])
  })
})

describe('requests', () => {
  test('carry key and value in headers and body only, to the store without cookies, referrer or page', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    await field.value.pressSequentially('secret')
    const { tokenId = '' } = await field.ask({ type: 'tokenize' })
    await (await stage.mount('paragraph')).ask({ type: 'load', tokenId })
    const [put] = stage.world.callsTo('PUT')
    const [get] = stage.world.callsTo('GET')
    expect(put?.headers['if-none-match']).toBe('*')
    expect(put?.headers['content-length']).toBe('6')
    for (const headers of [put?.headers, get?.headers]) {
      expect(headers?.origin).toBe(stage.world.tokenizer)
      expect(headers).not.toHaveProperty('cookie')
      expect(headers).not.toHaveProperty('referer')
      expect(headers).not.toHaveProperty('lunasec-session-hash')
    }
    for (const { headers } of stage.world.callsTo('/tokenize')) expect(headers).not.toHaveProperty('referer')
  })

  test('are not sent on to another place, not even of the store', async () => {
    await using stage = await startStage()
    const { world } = stage
    let isFirst = true
    world.faults.set('GET', (_, response) => {
      if (isFirst) response.writeHead(307, { location: `${world.store}/other` }).end()
      else response.end('of somebody else')
      isFirst = false
      return true
    })
    const shown = await stage.mount('paragraph')
    const answer = await shown.ask({ type: 'load', tokenId: world.put('x') })
    expect(answer).toEqual({ type: 'failed', code: 'store-unreachable' })
    expect(await shown.value.textContent()).toBe('')
  })

  test('go to the store that the Tokenizer named when it made the page, and nowhere else', async () => {
    await using stage = await startStage()
    const { world } = stage
    const stolen: string[] = []
    world.faults.set('GET', (request) => {
      stolen.push(String(request.headers['x-amz-server-side-encryption-customer-key']))
      return false
    })
    world.faults.set('/detokenize', async (request, response) => {
      const { answer } = await import('./stand-in.ts')
      request.resume()
      response.setHeader('lunasec-session-hash', String(request.headers['lunasec-session-hash']))
      const url = `${world.tokenizer}/somewhere`
      answer(response, { downloadUrl: url, headers: { 'x-amz-server-side-encryption-customer-key': 'k' } })
      return true
    })
    const shown = await stage.mount('paragraph')
    const token = world.put('secret')
    expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'failed' })
    expect(stolen).toEqual([])
    expect(world.calls.map(({ path }) => path)).not.toContain('/somewhere')
  })
})

describe('tokens', () => {
  test('of unchanged values are kept, and cost no request', async () => {
    await using stage = await startStage()
    const token = stage.world.put('stored')
    const field = await stage.mount('input')
    await field.ask({ type: 'load', tokenId: token })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    await field.value.press('End')
    await field.value.pressSequentially('x')
    await field.value.press('Backspace')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    expect(stage.world.callsTo('/tokenize')).toEqual([])
    expect(stage.world.callsTo('/detokenize')).toHaveLength(1)
  })

  test('of an edited value are new, once', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    await field.ask({ type: 'load', tokenId: stage.world.put('stored') })
    await field.value.press('End')
    await field.value.pressSequentially('!')
    const first = await field.ask({ type: 'tokenize' })
    expect(stage.world.values.get(first.tokenId ?? '')?.toString()).toBe('stored!')
    expect(await field.ask({ type: 'tokenize' })).toEqual(first)
    expect(stage.world.callsTo('/tokenize')).toHaveLength(1)
  })

  test('of a double submit are one', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    await field.value.pressSequentially('once')
    const asked = await Promise.all([field.begin({ type: 'tokenize' }), field.begin({ type: 'tokenize' })])
    const [one, two] = await Promise.all(asked.map((answer) => answer()))
    expect(one).toEqual(two)
    expect(stage.world.callsTo('/tokenize')).toHaveLength(1)
  })

  test('of nothing are nothing: never filled, emptied by hand, cleared by the page', async () => {
    await using stage = await startStage()
    const none = { type: 'tokenized', tokenId: '' }
    const field = await stage.mount('input')
    expect(await field.ask({ type: 'tokenize' })).toEqual(none)
    await field.ask({ type: 'load', tokenId: stage.world.put('stored') })
    await field.value.fill('')
    expect(await field.ask({ type: 'tokenize' })).toEqual(none)
    await field.ask({ type: 'load', tokenId: '' })
    await field.send({ type: 'clear' })
    expect(await field.ask({ type: 'tokenize' })).toEqual(none)
    expect(stage.world.callsTo('/tokenize')).toEqual([])
  })

  test('of what was there when they were asked for; typing goes on', async () => {
    await using stage = await startStage()
    const gate = hold(stage.world.faults, 'PUT')
    const field = await stage.mount('input')
    await field.value.pressSequentially('one')
    const first = await field.begin({ type: 'tokenize' })
    await gate.reached
    await field.value.pressSequentially(' two')
    gate.open()
    const { tokenId: one = '' } = await first()
    expect(stage.world.values.get(one)?.toString()).toBe('one')
    expect(await field.value.inputValue()).toBe('one two')
    const { tokenId: two = '' } = await field.ask({ type: 'tokenize' })
    expect(stage.world.values.get(two)?.toString()).toBe('one two')
  })
})

describe('a load', () => {
  test('that is late does not overwrite what the user types', async () => {
    await using stage = await startStage()
    const gate = hold(stage.world.faults, 'GET')
    const field = await stage.mount('input')
    const answer = await field.begin({ type: 'load', tokenId: stage.world.put('stored') })
    await gate.reached
    await field.value.pressSequentially('typed')
    gate.open()
    expect(await answer()).toEqual({ type: 'loaded' })
    expect(await field.value.inputValue()).toBe('typed')
    await expectState(field, 'complete!')
    const { tokenId = '' } = await field.ask({ type: 'tokenize' })
    expect(stage.world.values.get(tokenId)?.toString()).toBe('typed')
  })

  test('does not overwrite what was typed before it; clear does', async () => {
    await using stage = await startStage()
    const token = stage.world.put('stored')
    const field = await stage.mount('input')
    await field.value.pressSequentially('typed')
    expect(await field.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(await field.value.inputValue()).toBe('typed')
    await field.send({ type: 'clear' })
    await field.ask({ type: 'load', tokenId: token })
    expect(await field.value.inputValue()).toBe('stored')
  })

  test('that another one overtook shows nothing', async () => {
    await using stage = await startStage()
    for (const component of ['input', 'paragraph'] as const) {
      const gate = hold(stage.world.faults, 'GET')
      const mounted = await stage.mount(component)
      const slow = await mounted.begin({ type: 'load', tokenId: stage.world.put('slow') })
      await gate.reached
      stage.world.faults.delete('GET')
      await mounted.ask({ type: 'load', tokenId: stage.world.put('fast') })
      gate.open()
      await slow()
      const text = component === 'input' ? mounted.value.inputValue() : mounted.value.textContent()
      expect(await text).toBe('fast')
    }
  })

  test('under way or failed leaves the field its token, until something is typed', async () => {
    await using stage = await startStage()
    const token = stage.world.put('stored')
    const gate = hold(stage.world.faults, 'GET')
    const field = await stage.mount('input', { configure: { required: true } })
    const answer = await field.begin({ type: 'load', tokenId: token })
    await gate.reached
    expect(await field.value.inputValue()).toBe('')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    stage.world.values.set(token, Buffer.from([0xff]))
    gate.open()
    expect(await answer()).toEqual({ type: 'failed', code: 'not-text' })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    await field.value.pressSequentially('x')
    await field.value.press('Backspace')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
  })
})

/** Stops requests of one kind until the gate is opened. */
function hold(faults: Map<string, Fault>, path: string) {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  faults.set(path, async () => {
    reached.resolve()
    await opened.promise
    return false
  })
  return { reached: reached.promise, open: opened.resolve }
}
