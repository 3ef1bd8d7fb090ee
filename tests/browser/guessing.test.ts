import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { letLoose } from '../harness/page-thief.ts'
import { Visitor } from '../harness/visitor.ts'

/** A thief in the user's own page, with the user's grants: he may mount what he likes, and would like to know more. */
const VALUES = ['078-05-1120', '666-05-1120', 'a@b.example', '4242424242424242', 'x'.repeat(300)]
const QUESTIONS = [
  { pattern: '[0-4].*' },
  { pattern: '[5-9].*' },
  { minLength: 6 },
  { maxLength: 0 },
  { required: true, minLength: 11, maxLength: 11 },
  { inputType: 'email' },
  { inputType: 'url', required: true },
  { inputType: 'password', pattern: '.{1,5}' },
  { inputType: 'number' },
  { inputType: 'number', min: '4242424242424242', max: '4242424242424242', step: '1' },
  { inputType: 'date', max: '1999-12-31' },
  { inputType: 'date', required: true },
  { fieldId: 'mine', sameAs: 'mine' },
] as const
const MASKED_QUESTIONS = [
  { inputType: 'ssn', required: true },
  { inputType: 'card-number' },
  { inputType: 'one-time-code', maxLength: 4 },
] as const

let site: Site
let chromium: OwnBrowser
let visitor: Visitor
const tokens: string[] = []

beforeAll(async () => {
  site = await startSite()
  chromium = await startChromium()
  const context = await chromium.browser.newContext()
  visitor = await Visitor.open(context, site.url)
  await visitor.signUp()
  const [login = ''] = (await context.cookies()).flatMap(({ name, value }) =>
    name === 'demo.sid' ? [decodeURIComponent(value).slice('s:'.length).replace(/\..*/, '')] : [],
  )
  const sid = site.lunadefend.sid(login)
  for (const value of VALUES) tokens.push(await site.lunadefend.tokenize(sid, value))
  await site.lunadefend.grants.create(sid, tokens)
  await letLoose(visitor.page, site.service.tokenizerUrl)
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})

/** Everything that the page learns of one value with one set of rules, the token's name left out. */
async function interrogate(component: string, rules: object, index: number): Promise<string> {
  const token = tokens[index] ?? ''
  const about = { name: `frame${Math.random()}`, component, rules, token }
  const learnt = await visitor.page.evaluate(async ({ name, component, rules, token }) => {
    const { thief } = window
    await thief.mount(name, component)
    thief.connect(name)
    thief.send(name, { type: 'configure', ...rules })
    const iframe = document.getElementsByName(name)[0] as HTMLIFrameElement
    const look = () => {
      const { width, height } = iframe.getBoundingClientRect()
      return [width, height, iframe.contentWindow?.length, iframe.matches(':invalid'), iframe.title]
    }
    const answers = [await thief.ask(name, { type: 'load', tokenId: token }), look()]
    thief.send(name, { type: 'update', invalid: true, autoComplete: 'cc-number', readOnly: true })
    thief.send(name, { type: 'update', invalid: false, disabled: true })
    thief.send(name, { type: 'style', fontSize: '200px', letterSpacing: '9px' })
    answers.push(await thief.ask(name, { type: 'tokenize' }), look())
    answers.push(await thief.ask(name, { type: 'load', tokenId: token }), look())
    const said = thief.heard(name).filter(({ type }) => type === 'state' || type === 'submit')
    thief.remove(name)
    return JSON.stringify([answers, said], (key, value) => (key === 'id' ? 0 : value))
  }, about)
  return learnt.replaceAll(token, 'TOKEN')
}

const whole = (learnt: readonly string[]) => [...new Set(learnt)]

describe('script that mounts a frame with a stored token and rules of its own', () => {
  const fields = QUESTIONS.map((rules) => ['input', rules] as const)
  const masked = MASKED_QUESTIONS.map((rules) => ['masked-input', rules] as const)
  test.each([...fields, ...masked, ['textarea', QUESTIONS[0]] as const])(
    'learns the same of every value: %s, %j',
    async (component, rules) => {
      const learnt = await Promise.all(VALUES.map((_, index) => interrogate(component, rules, index)))
      const [only = '', ...others] = whole(learnt)
      expect(others).toEqual([])
      expect(only).toContain('"tokenId":"TOKEN"')
      expect(only.match(/"fill":"[a-z]+"/g)).toEqual(['"fill":"prefilled"'])
    },
  )

  test('learns nothing by doing it again and again', async () => {
    const learnt: string[] = []
    for (let n = 0; n < 10; n++) learnt.push(await interrogate('input', { pattern: `.{${n}}` }, n % 2))
    expect(whole(learnt)).toHaveLength(1)
  })

  test('learns of what is typed in such a frame whether it obeys: the rules are in force', async () => {
    const { page } = visitor
    await page.evaluate(async () => {
      await window.thief.mount('typed', 'input')
      window.thief.connect('typed')
      window.thief.send('typed', { type: 'configure', pattern: '[0-4].*' })
    })
    const box = page.frameLocator('[name=typed]').locator('input')
    const fills = () =>
      page.evaluate(() => window.thief.heard('typed').flatMap((each) => ('fill' in each ? [each.fill] : [])))
    await box.fill('5')
    await expect.poll(fills).toContain('incomplete')
    await box.fill('078')
    await expect.poll(async () => (await fills()).at(-1)).toBe('complete')
  })
})
