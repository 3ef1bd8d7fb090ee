import type { Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { type PartName, type Parts, startParts } from '../harness/parts.ts'
import { Visitor } from '../harness/visitor.ts'

let parts: Parts
let chromium: OwnBrowser
/** Mostly waits for time-outs, so it goes on beside the other tests. */
let freezing: Promise<void>

beforeAll(async () => {
  chromium = await startChromium()
  freezing = freezeEach()
  freezing.catch(() => {})
  parts = await startParts()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  // A process that is frozen would outlive this one.
  await freezing.catch(() => {})
  await parts[Symbol.asyncDispose]()
})

/** Somebody with a new account and an open profile, whose frames have their session. */
class Patient extends Visitor {
  /** Requests of the page and its frames: `POST /tokenize`. */
  readonly requests: string[] = []

  static async arrive({ urls }: Parts): Promise<Patient> {
    const context = await chromium.browser.newContext()
    context.setDefaultTimeout(45_000)
    const page = await context.newPage()
    const patient = new Patient(page)
    page.on('request', (request) => patient.requests.push(nameOf(request)))
    await page.goto(urls.app)
    const opened = page.waitForResponse((response) => nameOf(response.request()) === 'POST /session')
    await patient.signUp()
    expect((await opened).status()).toBe(200)
    return patient
  }

  override async type(id: string, text: string): Promise<void> {
    await this.page.evaluate(noteErrors)
    await super.type(id, text)
  }

  /** Loads the page anew; its frames have no session until the end of it, which is called, lets them ask for one. */
  async reloadWithoutSession(): Promise<() => void> {
    const held = Promise.withResolvers<void>()
    await this.page.route('**/.lunadefend/session', async (route) => {
      await held.promise
      await route.continue()
    })
    const asked = this.page.waitForRequest('**/.lunadefend/session')
    await this.page.reload()
    await asked
    return held.resolve
  }

  /** The codes that the app was told. */
  codes(): Promise<string[]> {
    return this.page.evaluate(() => Reflect.get(window, 'codes') as string[])
  }

  /** Presses the button, and comes back when this request is on its way. */
  async saveUntil(request: string): Promise<void> {
    const sent = this.page.waitForRequest((each) => nameOf(each) === request)
    await this.pressSave()
    await sent.catch(async (error: Error) => {
      const [asked, told] = [this.requests.slice(-12).join(', '), await this.codes()]
      throw new Error(`${error.message} Asked were: ${asked}; told was: ${told}.`)
    })
  }

  /**
   * The app says so, to its developer and to its user; nothing was submitted; what was typed is there. It says so of a
   * session that could not be opened beforehand, too: only the form knows when its submit has ended, and takes another.
   */
  async expectRefused(codes: unknown, text: string): Promise<void> {
    await this.page.waitForFunction(() => Reflect.get(window, 'refused') > 0)
    await this.page.getByRole('alert').getByText('Not saved.').waitFor()
    expect(await this.codes()).toEqual(codes)
    expect(this.requests).not.toContain('POST /api/profile')
    await this.shows('ssn', text)
  }

  async expectSecondTry(text: string): Promise<void> {
    await this.save()
    expect(await this.tokens()).toHaveLength(1)
    await this.visit('Vault')
    await this.shows('shown-ssn', text)
    await this.page.context().close()
  }
}

function nameOf(request: Request): string {
  return `${request.method()} ${new URL(request.url()).pathname.replace(/^\/lunadefend\/.*/, '/object')}`
}

describe('killed in the middle of a submit', { timeout: 60_000 }, () => {
  const strikes: readonly [PartName, string, string][] = [
    ['tokenizer', 'POST /tokenize', 'tokenizer-unreachable'],
    ['objects', 'PUT /object', 'store-unreachable'],
  ]
  test.each(strikes)(
    '%s: an error, no submit; started again, a second try works',
    async (part, request, code) => {
      const patient = await Patient.arrive(parts)
      await patient.type('ssn', '219-09-1001')
      // Frozen it takes the request and does nothing with it: so the blow falls in the middle.
      parts.freeze(part)
      await patient.saveUntil(request)
      await parts.kill(part)
      await patient.expectRefused([code], '219-09-1001')
      await parts.start(part)
      await patient.expectSecondTry('219-09-1001')
    },
  )

  test('app: an error; the token that was made is kept, and a second try submits it', async () => {
    const patient = await Patient.arrive(parts)
    await patient.type('ssn', '219-09-1002')
    parts.freeze('app')
    await patient.saveUntil('POST /api/profile')
    await parts.kill('app')
    await patient.page.getByRole('alert').waitFor()
    expect(await patient.shown('ssn')).toBe('219-09-1002')
    await parts.start('app')
    await patient.expectSecondTry('219-09-1002')
    expect(patient.requests.filter((each) => each === 'POST /tokenize')).toHaveLength(1)
  })

  test('app, before it could sign a session: an error, no submit; a second try works', async () => {
    const patient = await Patient.arrive(parts)
    const release = await patient.reloadWithoutSession()
    await patient.type('ssn', '219-09-1003')
    await parts.kill('app')
    release()
    await patient.pressSave()
    await patient.expectRefused(expect.arrayContaining(['session-endpoint']), '219-09-1003')
    await parts.start('app')
    await patient.expectSecondTry('219-09-1003')
  })
})

test('frozen in the middle of a submit: each ends with an error in time, and works when it is back', async () => {
  await freezing
}, 120_000)

async function freezeEach(): Promise<void> {
  await using parts = await startParts()
  const arrivals = Array.from({ length: 3 }, () => Patient.arrive(parts))
  const patients = (await Promise.all(arrivals)) as [Patient, Patient, Patient]
  const [atTokenizer, atStore, atLogin] = patients
  const release = await atLogin.reloadWithoutSession()
  for (const [n, patient] of patients.entries()) await patient.type('ssn', `219-09-200${n}`)
  parts.freeze('app')
  release()
  await atLogin.pressSave()
  parts.freeze('objects')
  await atStore.saveUntil('PUT /object')
  parts.freeze('tokenizer')
  await atTokenizer.saveUntil('POST /tokenize')
  await Promise.all([
    atTokenizer.expectRefused(['timed-out'], '219-09-2000'),
    atStore.expectRefused(['timed-out'], '219-09-2001'),
    atLogin.expectRefused(expect.arrayContaining(['timed-out']), '219-09-2002'),
  ])
  for (const part of ['tokenizer', 'objects', 'app'] as const) parts.thaw(part)
  for (const [n, patient] of patients.entries()) await patient.expectSecondTry(`219-09-200${n}`)
}

/** Runs in the page: what `onError` of a field is told, and how many submits have come to nothing. */
function noteErrors(): void {
  if ('codes' in window) return
  const codes: string[] = []
  Object.assign(window, { codes, refused: 0 })
  const count = () => Reflect.set(window, 'refused', Reflect.get(window, 'refused') + 1)
  window.addEventListener('tokenizeerror', count, { capture: true })
  const note = (event: Event) => event instanceof CustomEvent && codes.push(event.detail.code)
  window.addEventListener('error', note, { capture: true })
}
