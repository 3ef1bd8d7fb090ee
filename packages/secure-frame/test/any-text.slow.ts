import { afterAll, test } from 'vitest'
import { expectAnyTextBack } from './any-text.ts'
import { closeBrowser, startStage } from './stage.ts'

afterAll(closeBrowser)

test('any text comes back as it was typed, in every kind of field', async () => {
  await using stage = await startStage()
  await expectAnyTextBack(stage, 600)
})
