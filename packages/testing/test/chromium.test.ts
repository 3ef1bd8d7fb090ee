import { afterAll, beforeAll } from 'vitest'
import { type RealStage, startRealStage } from '../../browser/test/real-stage.ts'
import { sdkBundle } from '../../browser/test/stage.ts'
import { fillSecure, readSecure, secureField } from '../src/playwright.ts'
import { elementContract, type Stage } from './contract.ts'

let real: RealStage
let stage: Stage
let token: string

/** The real elements, the real LunaDefend and a real browser. */
function realStage(): Stage {
  let page: Awaited<ReturnType<RealStage['open']>>
  return {
    faults: real.service.faults,
    async open(body) {
      await real.service.faults.reset()
      page = await real.open(body.replaceAll('[token]', token))
    },
    run: (work, argument) => page.evaluate(work as never, argument),
    fill: (label, text) => fillSecure(page, label, text),
    enter: (label) => secureField(page, label).press('Enter'),
    read: (label) => readSecure(page, label),
    click: (selector) => page.click(selector),
  }
}

beforeAll(async () => {
  real = await startRealStage(sdkBundle())
  const { client } = real
  const sid = client.sid('login-1')
  token = await client.tokenize(sid, 'stored')
  await client.grants.create(sid, token)
  stage = realStage()
})
afterAll(() => real[Symbol.asyncDispose]())

elementContract(() => stage)
