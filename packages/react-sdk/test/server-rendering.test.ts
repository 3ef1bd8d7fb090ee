import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Stage, startStage, until } from '../../browser/test/stage.ts'
import { appBundle, loadServerRender } from './bundle.ts'

describe.each([19, 18] as const)('with React %i', (version) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await startStage(appBundle(version))
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  test('a server renders the tags, and the browser takes them over without a difference', async () => {
    const token = stage.tokenizer.store('stored')
    const { renderServerPage } = loadServerRender(version)
    const html = renderServerPage({ tokenizerUrl: stage.tokenizerUrl, token })
    expect(html).toMatch(/<secure-input id="ssn" name="ssn" class="wide" required="[^"]*" maxlength="11"/)
    expect(html).toContain('<secure-paragraph')
    expect(html).not.toContain('disabled')
    expect(html).not.toContain('<input')
    const scene = await stage.open(`<div id="root">${html}</div>`, { wait: false })
    await scene.page.evaluate((where) => Reflect.get(window, 'hydrate')(where), {
      tokenizerUrl: stage.tokenizerUrl,
      token,
    })
    await until(async () => (await scene.frame('#ssn')).locator('input').inputValue()).toBe('stored')
    await until(async () => (await scene.frame('#p')).locator('p').textContent()).toBe('stored')
    expect(await scene.page.evaluate(() => Reflect.get(window, 'log'))).toEqual([])
    expect(scene.consoleErrors).toEqual([])
    await scene.close()
  })
})
