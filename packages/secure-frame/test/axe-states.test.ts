import type { Component } from '@lunadefend/contract/frame-messages'
import { afterAll, expect, test } from 'vitest'
import { axeFindings, IN_A_FRAME } from './axe.ts'
import { closeBrowser, eventually, type Mounted, shareStage } from './stage.ts'

const shared = shareStage()
afterAll(closeBrowser)

const expectNothing = async (mounted: Mounted) =>
  expect(await axeFindings(mounted.frame, { without: IN_A_FRAME })).toEqual([])

/** What a page cannot bring about with the stores of `packages/browser/test/accessibility.test.ts`. */
const cases: readonly (readonly [what: string, component: Component, configure: object])[] = [
  ['a text that is shown in part', 'paragraph', { label: 'Number' }],
  ['a text that nobody may see more of', 'paragraph', { label: 'Number' }],
  ['a value that is no picture', 'image', { label: 'A scan' }],
  ['a file that cannot be had', 'download', {}],
]

test.each(cases)('axe finds nothing in %s', async (what, component, configure) => {
  const stage = shared()
  const { world } = stage
  const tokenId = world.put('078-05-1120')
  if (component === 'paragraph') world.masked.add(tokenId)
  const mounted = await stage.mount(component, { configure })
  await mounted.ask({ type: 'load', tokenId })
  if (what.includes('nobody')) {
    world.faults.set('/detokenize', (_request, response) => {
      response.writeHead(403).end()
      return true
    })
    await mounted.frame.getByRole('button').click()
  }
  if (component === 'download') {
    world.values.delete(tokenId)
    await mounted.frame.getByRole('button').first().click()
  }
  const status = mounted.frame.locator('[role="status"]')
  if (what !== 'a text that is shown in part')
    await eventually(async () => (await status.allTextContents()).join('').trim().length).toBeGreaterThan(3)
  await expectNothing(mounted)
  world.faults.delete('/detokenize')
  await mounted.remove()
})
