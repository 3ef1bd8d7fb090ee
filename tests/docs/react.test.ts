import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { ERROR_MESSAGES } from '@lunadefend/browser'
import { CARD_BRANDS, FILLS, INPUT_TYPES, STYLE_PROPERTIES } from '@lunadefend/contract/frame-messages'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend as Service, startLunaDefend } from '@lunadefend/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleOf } from '../../packages/browser/test/stage.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { scratch } from '../harness/directory.ts'
import { membersOf, name, names, read, rows, section } from './document.ts'

const REACT = read('docs/react.md')
const UPLOADS = read('docs/uploads.md')
const SSN = '078-05-1120'

const stack = new AsyncDisposableStack()
let service: Service
let client: LunaDefend
let own: OwnBrowser
let origin: string
/** Bodies of the posts to `/profile` and `/account`. */
const posts: string[] = []
/** What the next ones are answered with, in place of 200. */
const statuses: number[] = []
/** What `/customers` answers. */
const customers: { name: string; ssn: string; card: string }[] = []

beforeAll(async () => {
  const port = await freePort()
  origin = `http://localhost:${port}`
  const { path: directory } = stack.use(scratch())
  service = stack.use(await startLunaDefend({ directory, apps: [{ id: 'hello', origins: [origin] }] }))
  const { tokenizerUrl } = service
  client = new LunaDefend({ tokenizerUrl, app: 'hello', signingKey: service.signingKey('hello') })
  const router = client.router({ pinning: 'off', session: () => ({ id: 'a-login' }) })
  const site = createServer((request, response) =>
    router(request, response, async () => {
      if (request.url === '/profile' || request.url === '/account') {
        posts.push(await textOf(request))
        response.statusCode = statuses.pop() ?? 200
      }
      const [type, body] = answerTo(request.url ?? '')
      response.setHeader('content-type', type)
      response.setHeader('content-security-policy', `default-src 'self'; frame-src ${tokenizerUrl}`)
      response.end(body)
    }),
  ).listen(port, '127.0.0.1')
  stack.defer(() => site.close().closeAllConnections())
  await once(site, 'listening')
  own = stack.use(await startChromium())
})
afterAll(() => stack.disposeAsync())

/** `/profile.tsx` and `/elements.ts` are pages around the example of that name. */
function answerTo(url: string): [type: string, body: string] {
  if (url === '/customers') return ['application/json', JSON.stringify(customers)]
  const script = /^\/script\/([a-z]+\.tsx?)$/.exec(url)?.[1]
  const example = (file: string) => new URL(`../../docs/examples/pages/${file}`, import.meta.url)
  if (script !== undefined) return ['text/javascript', bundleOf(example(script))]
  const html = url === '/elements.ts' ? read('docs/examples/pages/elements.html') : '<div id="root"></div>'
  const { tokenizerUrl } = service
  return [
    'text/html',
    `<!doctype html><title>App</title><body data-tokenizer="${tokenizerUrl}" data-tokens="${customers.map(({ ssn }) => ssn).join(' ')}">${html}<script type="module" src="/script${url}"></script>`,
  ]
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** And what it gave to `reportError`. */
async function open(file: string, id = 'ssn'): Promise<{ page: Page; errors: string[] }> {
  const page = await (await own.browser.newContext()).newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(`${origin}/${file}`)
  await page.locator(`#${id}:state(ready)`).waitFor()
  return { page, errors }
}

async function type(page: Page, id: string, text: string): Promise<void> {
  await page.locator(`label[for=${id}]`).click()
  await page.locator(`#${id}:state(focused)`).waitFor()
  await page.keyboard.type(text)
}

/** What the app's server reads for these tokens. */
async function valuesOf(tokens: Record<string, string>): Promise<Record<string, string>> {
  const sid = client.sid('a-login')
  await client.grants.create(sid, Object.values(tokens))
  const read = ([key, token]: [string, string]) =>
    client.detokenizeText(sid, token).then((text) => [key, text])
  return Object.fromEntries(await Promise.all(Object.entries(tokens).map(read)))
}

describe('the pages of the document work', () => {
  test('a form in React', async () => {
    const { page } = await open('profile.tsx')
    await type(page, 'ssn', SSN)
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => posts.length).toBe(1)
    const { ssn, notes } = JSON.parse(posts.pop() as string)
    expect(ssn).toMatch(/^lunasec-/)
    expect(notes).toBe('')
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.locator('#ssn:invalid:state(empty)').waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL(`${origin}/`)
    expect(await page.context().cookies(service.tokenizerUrl)).toEqual([])
  })

  test('types, the same in two fields, a token when the user leaves', async () => {
    const { page, errors } = await open('account.tsx', 'card')
    await type(page, 'password', 'correct horse battery')
    await type(page, 'repeat', 'correct horse')
    await type(page, 'card', '378282246310005')
    await page.getByText('Card number (amex)').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('#repeat:invalid').waitFor()
    expect(posts).toEqual([])
    await page.waitForFunction(() =>
      /^lunasec-/.test(Reflect.get(document.getElementById('card') ?? {}, 'value')),
    )
    await page.locator('label[for=repeat]').click()
    await page.keyboard.press('End')
    await page.keyboard.type(' battery')
    await page.locator('#repeat:valid').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => posts.length).toBe(1)
    const { password, card, ...rest } = JSON.parse(posts.pop() as string)
    expect(rest).toEqual({})
    const sid = client.sid('a-login')
    await client.grants.create(sid, [password, card])
    const values = await Promise.all([card, password].map((token) => client.detokenize(sid, token)))
    expect(values.map((value) => Buffer.from(value).toString())).toEqual([
      '378282246310005',
      'correct horse battery',
    ])
    expect(errors).toEqual([])
  })

  test('files in React, on a telephone', async () => {
    const page = await (await own.browser.newContext({ hasTouch: true, isMobile: true })).newPage()
    await page.goto(`${origin}/papers.tsx`)
    const file = { name: 'paper.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') }
    const frame = page.frameLocator('#papers iframe')
    const camera = page.waitForEvent('filechooser')
    await frame.getByRole('button', { name: 'Take a photo' }).tap()
    expect(await (await camera).element().getAttribute('capture')).toBe('environment')
    await frame.locator('input[type=file]').setInputFiles([file, { ...file, name: 'second.pdf' }])
    await frame.getByText('Uploaded').nth(1).waitFor()
    await page.locator('#papers:valid').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => posts.length).toBe(1)
    const { papers } = JSON.parse(posts.pop() as string)
    expect(papers).toHaveLength(2)
    await client.grants.verify(client.sid('a-login'), papers)
  })

  test('React Hook Form: rules, a refused submit, a failed field, reset', async () => {
    const { page, errors } = await open('hookform.tsx')
    const save = page.getByRole('button', { name: 'Save' })
    await save.click()
    await page.getByText('Needed for the insurance. Please choose one.').waitFor()
    expect(posts).toEqual([])
    await page.locator('#ssn:state(focused)').waitFor()
    await page.keyboard.type(SSN)
    await page.frameLocator('#diagnosis iframe').locator('select').selectOption('J10')
    await page.frameLocator('#smoker iframe').getByText('I smoke').click()
    statuses.push(500)
    await save.click()
    await page.getByText('Not saved. Please try again.').waitFor()
    const refused = posts.pop() ?? ''
    await save.click()
    await page.locator('#ssn:state(empty)').waitFor()
    const sent = posts.pop() ?? ''
    const tokens: Record<string, string> = JSON.parse(sent)
    // What was not changed kept its token, and waited for it.
    expect(sent).toBe(refused)
    expect(await valuesOf(tokens)).toEqual({ ssn: SSN, diagnosis: 'J10', smoker: '1' })
    await page.locator('#diagnosis:state(empty)').waitFor()
    expect(await page.frameLocator('#smoker iframe').locator('input').isChecked()).toBe(false)
    expect(errors).toEqual([])
  })

  test('Formik: rules, a refused submit, reset', async () => {
    const { page, errors } = await open('formik.tsx')
    await type(page, 'ssn', SSN)
    const save = page.getByRole('button', { name: 'Save' })
    await save.click()
    await page.getByText('Please answer.').waitFor()
    expect(posts).toEqual([])
    await page.frameLocator('#insured iframe').getByText('Yes').click()
    statuses.push(500)
    await save.click()
    await page.getByText('Not saved. Please try again.').waitFor()
    const refused = posts.pop() ?? ''
    await save.click()
    await page.locator('#ssn:state(empty)').waitFor()
    const sent = posts.pop() ?? ''
    expect(sent).toBe(refused)
    expect(await valuesOf(JSON.parse(sent))).toEqual({ ssn: SSN, insured: 'y' })
    await page.locator('#insured:state(empty)').waitFor()
    expect(errors).toEqual([])
  })

  test.each([
    ['hookform.tsx', 'smoker', 'I smoke', { ssn: SSN, diagnosis: 'J10', smoker: '1' }],
    ['formik.tsx', 'insured', 'Yes', { ssn: SSN, insured: 'y' }],
  ])(
    '%s: a field that fails stops the submit and says why; nothing is lost, and a second try works',
    async (file, id, answer, values) => {
      const { page, errors } = await open(file)
      const save = page.getByRole('button', { name: 'Save' })
      await type(page, 'ssn', SSN)
      await page.frameLocator(`#${id} iframe`).getByText(answer).click()
      if (file === 'hookform.tsx') {
        await page.frameLocator('#diagnosis iframe').locator('select').selectOption('J10')
      }
      await service.faults.tokenizerDown()
      try {
        await save.click()
        await page.getByRole('alert').getByText('tokenizer-unreachable').waitFor()
        expect(posts).toEqual([])
      } finally {
        await service.faults.reset()
      }
      expect(await page.frameLocator('#ssn iframe').locator('input').inputValue()).toBe(SSN)
      await save.click()
      await page.locator('#ssn:state(empty)').waitFor()
      expect(await valuesOf(JSON.parse(posts.pop() ?? ''))).toEqual(values)
      await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/^\s*$/)
      expect(errors).toEqual([])
    },
  )

  test('a table of many values', async () => {
    const values = ['Ann', 'Bob'].map((name) => [name, `ssn of ${name}`, `card of ${name}`])
    const sid = client.sid('a-login')
    for (const [name = '', ssn = '', card = ''] of values)
      customers.push({ name, ssn: await client.tokenize(sid, ssn), card: await client.tokenize(sid, card) })
    await client.grants.create(
      sid,
      customers.flatMap(({ ssn, card }) => [ssn, card]),
    )
    const page = await (await own.browser.newContext()).newPage()
    await page.goto(`${origin}/table.tsx`)
    const table = page.frameLocator('#customers iframe')
    await table.getByRole('gridcell', { name: 'card of Bob' }).waitFor()
    expect(await table.getByRole('gridcell').allTextContents()).toEqual(values.flat())
    await page.frameLocator('#numbers iframe').getByText('ssn of Ann').waitFor()
  })

  test('elements without React', async () => {
    const { page, errors } = await open('elements.ts')
    await type(page, 'ssn', SSN)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL('**/profile')
    const form = new URLSearchParams(posts.pop())
    const token = form.get('ssn') ?? ''
    expect(form.get('notes')).toBe('')
    await client.grants.create(client.sid('a-login'), token)
    const { page: again } = await open('elements.ts')
    await again.locator('#stored').evaluate((element, shown) => element.setAttribute('token', shown), token)
    await again.frameLocator('#stored iframe').getByText(SSN).waitFor()
    expect(errors).toEqual([])
  })

  test('a policy without frame-src is told to the developer', async () => {
    const page = await (await own.browser.newContext()).newPage()
    const said = page.waitForEvent('pageerror')
    await page.route('**/elements.ts', async (route) => {
      const response = await route.fetch()
      const { 'content-security-policy': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    await page.goto(`${origin}/elements.ts`)
    expect(String(await said)).toContain('The frame-src of this page: missing')
  })
})

describe('the tables are those of the source', () => {
  const react = 'packages/react-sdk/src'
  const every = [`${react}/secure-element.ts`, 'SecureElementProps'] as const
  const ofForms = [`${react}/form-element.ts`, 'FormElementProps'] as const
  test.each([
    ['## The provider', [['packages/browser/src/page.ts', 'LunaDefendOptions']]],
    [
      '### Props',
      [
        every,
        ofForms,
        [`${react}/secure-field.ts`, 'SecureFieldProps'],
        [`${react}/secure-field.ts`, 'SecureInputProps'],
        [`${react}/secure-field.ts`, 'SecureTextAreaProps'],
      ],
    ],
    [
      '## Choices',
      [
        [`${react}/secure-choice.ts`, 'SecureRadioGroupProps'],
        [`${react}/secure-choice.ts`, 'SecureSelectProps'],
        [`${react}/secure-choice.ts`, 'SecureCheckboxProps'],
      ],
    ],
    [
      '## Showing a value',
      [
        every,
        [`${react}/shown.ts`, 'SecureShownProps'],
        [`${react}/shown.ts`, 'SecureParagraphProps'],
        [`${react}/shown.ts`, 'SecureImageProps'],
        [`${react}/shown.ts`, 'SecureDownloadProps'],
      ],
    ],
  ] as const)('%s', (heading, interfaces) => {
    const documented = new Set(rows(section(REACT, heading)).flatMap(([prop]) => names(prop ?? '')))
    documented.delete('data-*')
    const expected = new Set(interfaces.flatMap(([file, type]) => membersOf(file, type)))
    expect([...documented].sort()).toEqual([...expected].sort())
  })

  test('files', () => {
    const documented = rows(section(UPLOADS, '## Props')).flatMap(([prop]) => names(prop ?? ''))
    const own = [`${react}/secure-upload.ts`, 'SecureUploadProps'] as const
    const expected = [every, ofForms, own].flatMap(([file, type]) => membersOf(file, type))
    expect(documented.filter((prop) => prop !== 'data-*').sort()).toEqual(expected.sort())
    const states = rows(section(UPLOADS, '## What the page learns')).map(([fill]) => name(fill))
    expect(states.sort()).toEqual([...FILLS].sort())
  })

  test('a table and a list', () => {
    const documented = rows(section(read('docs/tables.md'), '## Props')).flatMap(([prop]) =>
      names(prop ?? ''),
    )
    const own = ['ManyValuesProps', 'SecureTableProps', 'SecureListProps'].flatMap((type) =>
      membersOf(`${react}/secure-table.ts`, type),
    )
    const expected = [...membersOf(...every), ...own]
    expect(documented.filter((prop) => prop !== 'data-*').sort()).toEqual(expected.sort())
  })

  test('errors', () => {
    const documented = rows(section(REACT, '## Errors')).map(([code]) => name(code))
    expect(documented.sort()).toEqual(Object.keys(ERROR_MESSAGES).sort())
  })

  test('style properties', () => {
    const [listed = ''] = section(REACT, '### What reaches the frame').split(' Fonts ')
    expect(names(listed).sort()).toEqual([...STYLE_PROPERTIES].sort())
  })

  test('states of a field', () => {
    const documented = rows(section(REACT, '### What the page learns')).map(([fill]) => name(fill))
    expect(documented.sort()).toEqual([...FILLS].sort())
  })

  test('types of a field, and brands of cards', () => {
    const documented = rows(section(REACT, '### Types')).flatMap(([types]) => names(types ?? ''))
    expect(documented.sort()).toEqual([...INPUT_TYPES].sort())
    const told = section(REACT, '### What the page learns')
    for (const brand of CARD_BRANDS) expect(told).toContain(`\`${brand}\``)
  })

  test('tags', () => {
    const documented = rows(section(REACT, '## Without React')).map(([tag]) => name(tag))
    const defined = [
      ...read('packages/browser/src/define-elements.ts').matchAll(/^ {2}'(secure-[\w-]+)': Secure/gm),
    ]
    expect(documented.sort()).toEqual(defined.map((match) => `<${match[1]}>`).sort())
  })
})
