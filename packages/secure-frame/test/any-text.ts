import fc from 'fast-check'
import { expect } from 'vitest'
import type { Mounted, Stage } from './stage.ts'

/** What a field of one line can hold: any text without line feeds, which no browser puts there. */
const line = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 20 }),
  )
  .map((text) => text.replace(/[\r\n]/g, ' '))
const KINDS = [
  ['input', 'text'],
  ['input', 'password'],
  ['input', 'search'],
  ['input', 'tel'],
  ['textarea', undefined],
] as const

/** Puts texts into fields of each kind, and looks at what was stored and what is shown then. */
export async function expectAnyTextBack(stage: Stage, count: number): Promise<void> {
  for (const [component, inputType] of KINDS) {
    const configure = inputType === undefined ? {} : { inputType }
    const field = await stage.mount(component, { configure })
    const other = await stage.mount(component, { configure })
    for (const text of fc.sample(line, Math.ceil(count / KINDS.length))) {
      await expectBack(stage, field, other, text)
    }
    await field.remove()
    await other.remove()
  }
}

async function expectBack({ world }: Stage, field: Mounted, other: Mounted, text: string): Promise<void> {
  await field.value.evaluate((control, given) => {
    const element = control as HTMLInputElement
    element.focus()
    element.select()
    // As a keyboard without keys does it; U+0000 and the like are taken by no editing command.
    if (!document.execCommand('insertText', false, given) || element.value !== given) {
      element.value = given
      element.dispatchEvent(new InputEvent('input', { inputType: 'insertFromPaste', bubbles: true }))
    }
  }, text)
  const { tokenId = '' } = await field.ask({ type: 'tokenize' })
  expect(world.values.get(tokenId)?.toString()).toBe(text)
  await other.send({ type: 'clear' })
  expect(await other.ask({ type: 'load', tokenId })).toEqual({ type: 'loaded' })
  expect(await other.value.inputValue()).toBe(text)
}
