import { describe, expect, test } from 'vitest'
import { expectState, type Mounted, type Stage, settle, shareStage, startStage } from './stage.ts'

const shared = shareStage()

/** Rules that a curious page could ask about a value with. */
const QUESTIONS = [
  { pattern: '0.*' },
  { pattern: '[^0].*' },
  { minLength: 5 },
  { maxLength: 4 },
  { maxLength: 0 },
  { inputType: 'email' },
  { inputType: 'url', required: true },
  { required: true, minLength: 11, maxLength: 11, pattern: '078-05-\\d{4}' },
] as const
const VALUES = ['078-05-1120', '4111111111111111', 'a@b.example', '0', '', 'x'.repeat(300)]

/** Everything that a page can do with a field, and everything that it hears but for focus, which is the user's. */
async function interrogate(stage: Stage, configure: object, token: string): Promise<string> {
  const field = await stage.mount('input', { configure })
  const heard: unknown[] = [await field.ask({ type: 'load', tokenId: token })]
  await field.focus()
  await field.send({ type: 'update', invalid: true, readOnly: true, autoComplete: 'cc-number' })
  await field.send({ type: 'update', invalid: false, readOnly: false, inputMode: 'numeric' })
  heard.push(await field.ask({ type: 'tokenize' }), await field.ask({ type: 'load', tokenId: token }))
  await settle(stage.page)
  const states = (await field.states()).map((state) => state.replace('!', ''))
  await field.remove()
  return JSON.stringify([...heard, ...new Set(states)]).replaceAll(token, 'TOKEN')
}

describe('page script that mounts a frame with a stored token and rules of its own', () => {
  test.each(QUESTIONS)('hears the same whatever the value is: %j', async (configure) => {
    const stage = shared()
    const tokens = VALUES.map((value) => stage.world.put(value))
    const heard = await Promise.all(tokens.map((token) => interrogate(stage, configure, token)))
    const answer = '{"type":"tokenized","tokenId":"TOKEN"}'
    const expected = `[{"type":"loaded"},${answer},{"type":"loaded"},"prefilled"]`
    expect(heard).toEqual(VALUES.map(() => expected))
  })

  test('hears nothing more when the user edits it, and may be told to tokenize it', async () => {
    await using stage = await startStage()
    for (const value of ['078-05-1120', 'abc']) {
      const field = await stage.mount('input', { configure: { pattern: '0.*', minLength: 8, maxLength: 3 } })
      await field.ask({ type: 'load', tokenId: stage.world.put(value) })
      await expectState(field, 'prefilled')
      await field.value.press('End')
      await field.value.pressSequentially('12')
      await field.value.press('Home')
      await field.value.press('Delete')
      expect(await field.value.inputValue()).toBe(`${value.slice(1)}12`)
      expect((await field.ask({ type: 'tokenize' })).type).toBe('tokenized')
      await field.value.blur()
      await expectState(field, 'prefilled')
      expect(new Set(await field.states())).toEqual(new Set(['prefilled', 'prefilled!']))
    }
  })

  test('cannot make the browser try a pattern on it: the frame answers at once', async () => {
    await using stage = await startStage()
    // For a regular expression with backtracking this is a question about the value, answered by time.
    const field = await stage.mount('input', { configure: { pattern: '(?:a+)+b' } })
    await field.ask({ type: 'load', tokenId: stage.world.put('a'.repeat(40)) })
    await field.value.press('End')
    await field.value.pressSequentially('a')
    await field.value.blur()
    expect(await field.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    expect(await field.value.getAttribute('pattern')).toBeNull()
    expect(await field.value.getAttribute('maxlength')).toBeNull()
  })
})

describe('after the user has emptied it', () => {
  async function emptied(stage: Stage): Promise<Mounted> {
    const field = await stage.mount('input', { configure: { pattern: '\\d+', maxLength: 4 } })
    await field.ask({ type: 'load', tokenId: stage.world.put('stored') })
    await field.value.focus()
    await field.value.blur()
    await field.value.press('Control+a')
    await field.value.press('Delete')
    await expectState(field, 'empty!')
    return field
  }

  test('a field speaks of what is typed, and its rules are back', async () => {
    await using stage = await startStage()
    const field = await emptied(stage)
    await field.value.pressSequentially('12a45')
    expect(await field.value.inputValue()).toBe('12a4')
    await expectState(field, 'incomplete!')
    await field.value.blur()
    await expectState(field, 'invalid')
  })

  test('undo brings the value back, and the silence with it', async () => {
    await using stage = await startStage()
    const field = await emptied(stage)
    await field.value.press('Control+z')
    expect(await field.value.inputValue()).toBe('stored')
    await expectState(field, 'prefilled!')
    expect((await field.ask({ type: 'tokenize' })).type).toBe('tokenized')
  })

  test('typing over all of it is emptying it, too', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input', { configure: { pattern: '\\d+' } })
    await field.ask({ type: 'load', tokenId: stage.world.put('stored') })
    await field.value.focus()
    await field.value.blur()
    await field.value.press('Control+a')
    await field.value.pressSequentially('a')
    await expectState(field, 'incomplete!')
    await field.value.press('Control+a')
    await field.value.pressSequentially('12')
    await expectState(field, 'complete!')
    await field.value.press('Control+z')
    await field.value.press('Control+z')
    await expectState(field, 'prefilled!')
  })
})

test('sizes of the frame stay those that the page gave it', async () => {
  await using stage = await startStage()
  const boxes: unknown[] = []
  for (const value of ['x', 'many words '.repeat(500)]) {
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: stage.world.put(value) })
    boxes.push(
      await stage.page.evaluate((name) => {
        const { width, height } = (document.getElementsByName(name)[0] as HTMLElement).getBoundingClientRect()
        return [width, height, document.documentElement.scrollHeight - document.body.scrollHeight]
      }, shown.name),
    )
    await shown.remove()
  }
  expect(boxes[0]).toEqual(boxes[1])
})
