import { afterAll, expect, test } from 'vitest'
import { closeBrowser, expectState, startStage } from './stage.ts'

afterAll(closeBrowser)

test('what is typed becomes a token, and the token shows it again, without a line on the console', async () => {
  await using stage = await startStage()
  const field = await stage.mount('input', { configure: { label: 'Number' } })
  await field.value.pressSequentially('078-05-1120')
  await expectState(field, 'complete!')
  const { type, tokenId = '' } = await field.ask({ type: 'tokenize' })
  expect(type).toBe('tokenized')
  expect(stage.world.values.get(tokenId)?.toString()).toBe('078-05-1120')
  const shown = await stage.mount('paragraph')
  expect(await shown.ask({ type: 'load', tokenId })).toEqual({ type: 'loaded' })
  expect(await shown.value.textContent()).toBe('078-05-1120')
  expect(stage.console).toEqual([])
})
