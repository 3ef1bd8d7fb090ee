import { describe, expect, test } from 'vitest'
import { heard, log, type Stage, starter } from './contract.ts'

const CHOICES = `<form id="f"><secure-select id="d" name="d" aria-label="Diagnosis" placeholder="Please choose" required>
    <option value="A09">Gastroenteritis</option><option value="J10">Influenza</option></secure-select>
  <secure-radio-group id="r" name="r" aria-label="Again"><option value="y">Yes</option><option value="n">No</option></secure-radio-group>
  <secure-checkbox id="c" name="c">I agree</secure-checkbox><button id="go">Go</button></form>`
const UPLOAD = `<form id="f"><secure-upload id="u" name="u" multiple aria-label="Papers" accept=".txt"></secure-upload>
  <button id="go">Go</button></form>`
const TABLE = '<secure-table id="t" aria-label="Customers"></secure-table>'

/** As `elementContract`, for what is more than a text field. */
export function componentContract(open: () => Stage): void {
  const start = starter(open)
  const tokens = (stage: Stage) =>
    stage.run(() => [...new FormData(document.forms[0])].map(([, value]) => String(value)), null)
  const values = async (stage: Stage) => Promise.all((await tokens(stage)).map(stage.valueOf))
  const refused = (work: Promise<unknown>) =>
    work.then(
      () => 'nothing was refused',
      (error: Error) => error.message,
    )

  describe('choices', () => {
    test('picked, submitted: each is a token of what was picked', async () => {
      const stage = await start(CHOICES)
      await stage.choose('Diagnosis', 'Influenza')
      await stage.choose('Again', 'No')
      await stage.check('I agree')
      const read = ['Diagnosis', 'Again', 'I agree'].map((label) => stage.read(label))
      expect(await Promise.all(read)).toEqual(['Influenza', 'No', 'checked'])
      await stage.click('#go')
      await heard(stage, 'submit d=token&r=token&c=token')
      expect(await values(stage)).toEqual(['J10', 'n', '1'])
      const entries = await log(stage)
      expect(entries.filter((entry) => / statechange/.test(entry))).toEqual([
        'd statechange empty focused',
        'd statechange complete focused',
        'd statechange complete',
        'r statechange empty focused',
        'r statechange complete focused',
        'r statechange complete',
        'c statechange complete',
        'c statechange complete focused',
        'c statechange complete',
      ])
      // They become tokens at the same time.
      const changes = entries.filter((entry) => / change/.test(entry))
      expect(changes.sort()).toEqual(['c change', 'd change', 'r change'])
    })

    test('one that is required blocks the submit; what there is not cannot be picked', async () => {
      const stage = await start(CHOICES)
      await stage.choose('Diagnosis', 'Influenza')
      await stage.choose('Diagnosis', '')
      await stage.click('#go')
      await heard(stage, 'd invalid')
      expect(await log(stage)).not.toContainEqual(expect.stringMatching(/^submit/))
      expect(await refused(stage.choose('Diagnosis', 'Measles'))).toBe(
        'There is no option "Measles" in this secure element. There are: "Gastroenteritis", "Influenza".',
      )
    })

    test('what is stored is shown to the user, and to nobody else', async () => {
      const stage = await start(`<form>
        <secure-select id="d" name="d" token="[flu]" aria-label="Diagnosis"><option value="J10">Influenza</option></secure-select>
        <secure-radio-group id="r" name="r" token="[token]" aria-label="Other"><option value="y">Yes</option></secure-radio-group>
        <secure-checkbox id="y" name="y" token="[yes]">Yes</secure-checkbox>
        <secure-checkbox id="n" name="n" token="[no]">No</secure-checkbox></form>`)
      const read = ['Diagnosis', 'Other', 'Yes', 'No'].map((label) => stage.read(label))
      expect(await Promise.all(read)).toEqual(['Influenza', 'stored', 'checked', 'unchecked'])
      await stage.check('Yes', false)
      await stage.run(
        () => document.querySelector<HTMLElement & { tokenize(): unknown }>('#y')?.tokenize(),
        null,
      )
      expect(await values(stage)).toEqual(['J10', 'stored', '0', '0'])
    })
  })

  describe('files', () => {
    const isUploading = (stage: Stage) =>
      stage.run(() => document.querySelector('#u')?.matches(':state(uploading)'), null)

    test('arrive before the form is submitted, one token each; one is removed again', async () => {
      const stage = await start(UPLOAD)
      await stage.upload('Papers', { 'one.txt': 'first', 'two.txt': 'second', 'three.txt': 'third' })
      expect(await stage.read('Papers')).toMatch(/^one.txt: Uploaded.*\ntwo.txt: .*\nthree.txt: /)
      await stage.press('Papers', 'Remove: two.txt')
      await heard(stage, 'u change')
      await stage.click('#go')
      await heard(stage, 'submit u=token&u=token')
      expect(await values(stage)).toEqual(['first', 'third'])
      const states = (await log(stage)).filter((entry) => / (?:empty|incomplete|complete)/.test(entry))
      expect([...new Set(states.map((entry) => entry.replace(' focused', '')))]).toEqual([
        ...(states[0]?.startsWith('u statechange empty') ? ['u statechange empty'] : []),
        'u statechange incomplete',
        'u statechange complete',
      ])
    })

    test('what is not accepted is refused with a reason', async () => {
      const stage = await start(UPLOAD)
      expect(await refused(stage.upload('Papers', { 'one.pdf': '%PDF' }))).toMatch(
        /^"Papers" says: .*one\.pdf.* was not added: only \.txt can be uploaded here\.$/,
      )
      expect(await tokens(stage)).toEqual([])
    })

    test('storeDown: it tries again, and the form waits; when the store is back, they arrive', async () => {
      const stage = await start(UPLOAD)
      await stage.faults.storeDown()
      await stage.upload('Papers', { 'one.txt': 'first' }, false)
      await expect.poll(() => stage.read('Papers')).toMatch(/^one.txt: Connection lost/)
      expect(await isUploading(stage)).toBe(true)
      await stage.click('#go')
      await heard(stage, 'u invalid')
      await stage.faults.reset()
      await expect.poll(() => isUploading(stage)).toBe(false)
      await stage.click('#go')
      await heard(stage, 'submit u=token')
      expect(await values(stage)).toEqual(['first'])
    })

    test('storeSlow: they are under way for a while', async () => {
      const stage = await start(UPLOAD)
      await stage.faults.storeSlow(500)
      await stage.upload('Papers', { 'one.txt': 'first' }, false)
      const isHeard = async () =>
        (await log(stage)).some((entry) => entry.startsWith('u statechange incomplete'))
      await expect.poll(isHeard).toBe(true)
      expect(await tokens(stage)).toEqual([])
      await expect.poll(() => isUploading(stage)).toBe(false)
      expect(await values(stage)).toEqual(['first'])
    })

    test.each(['denyGrants'] as const)('%s: they fail at once, and can be tried again', async (fault) => {
      const stage = await start(UPLOAD)
      await stage.faults[fault]()
      expect(await refused(stage.upload('Papers', { 'one.txt': 'first' }))).toBe(
        '"Papers" says: one.txt: The upload failed. Try again.',
      )
      expect(await log(stage)).toContainEqual(expect.stringMatching(/^u statechange invalid/))
      await stage.faults.reset()
      await stage.press('Papers', 'Try again: one.txt')
      await expect.poll(() => tokens(stage)).toHaveLength(1)
    })
  })

  describe('many values', () => {
    /** Twenty-five rows: a text, and the token of the element that stands for it. */
    const fill = (stage: Stage) =>
      stage.run(() => {
        const table = document.querySelector<HTMLElement & { rows: object[]; columns: object[] }>('#t')
        const token = document.querySelector('#p')?.getAttribute('token')
        const log = Reflect.get(globalThis, 'log') as string[]
        table?.addEventListener('load', () => log.push('t load'))
        if (table === null) return
        table.columns = [
          { key: 'name', label: 'Name' },
          { key: 'ssn', label: 'Number', secure: true },
        ]
        table.rows = Array.from({ length: 25 }, (_, row) => ({ name: `Row ${row + 1}`, ssn: token }))
      }, null)
    const PAGE = `${TABLE}<secure-paragraph id="p" token="[token]" aria-label="P"></secure-paragraph>`

    test('every row of a table can be read, those out of view, too', async () => {
      const stage = await start(PAGE)
      await fill(stage)
      await heard(stage, 't load')
      const rows = await stage.readRows('Customers')
      expect(rows).toHaveLength(25)
      expect([rows[0], rows[24]]).toEqual([
        ['Row 1', 'stored'],
        ['Row 25', 'stored'],
      ])
      const html = await stage.run(() => document.querySelector('#t')?.shadowRoot?.innerHTML, null)
      expect(html).not.toContain('stored')
    })

    test.each([
      ['denyGrants', 'access-denied'],
      ['tokenizerDown', 'tokenizer-unreachable'],
      ['storeDown', 'store-unreachable'],
      ['sessionExpired', 'no-session'],
    ] as const)('%s: texts stay, values become dashes', async (fault, code) => {
      const stage = await start(PAGE)
      await stage.faults[fault]()
      await fill(stage)
      await heard(stage, `t error ${code}`)
      const rows = await stage.readRows('Customers')
      expect(rows.slice(0, 2)).toEqual([
        ['Row 1', '—'],
        ['Row 2', '—'],
      ])
    })
  })

  describe('what is shown and handed out', () => {
    test('a picture by its alternative; what is none says so', async () => {
      const stage = await start(
        `<secure-image id="a" token="[picture]" label="Identity card"></secure-image>
         <secure-image id="b" token="[token]" label="A text"></secure-image>`,
      )
      expect(await stage.read('Identity card')).toBe('Identity card')
      expect(await stage.read('A text')).toMatch(/picture/)
    })

    test('a text is hidden, and shown again', async () => {
      const stage = await start(
        '<secure-paragraph id="p" token="[token]" aria-label="IBAN" hide-after="600"></secure-paragraph>',
      )
      expect(await stage.read('IBAN')).toBe('stored')
      await stage.press('IBAN', 'Hide')
      expect(await stage.read('IBAN')).toBe('••••')
      await stage.press('IBAN', 'Show')
      await expect.poll(() => stage.read('IBAN')).toBe('stored')
    })

    test('a file is saved under its name; when the store is down it says so', async () => {
      const stage = await start(
        '<secure-download id="d" token="[file]" label="The report"></secure-download>',
      )
      expect(await stage.download('The report')).toEqual({ name: 'report.txt', text: 'what it says' })
      await stage.faults.storeDown()
      expect(await refused(stage.download('The report'))).toMatch(/^"The report" says: .*(?:failed|not)/i)
      expect(await log(stage)).toEqual([])
    })

    test.each([
      ['denyGrants', 'access-denied'],
      ['storeDown', 'store-unreachable'],
    ] as const)('%s: the page hears why a text and a picture are not shown', async (fault, code) => {
      const stage = await start(
        `<secure-paragraph id="p" token="[token]" aria-label="P"></secure-paragraph>
         <secure-image id="i" token="[picture]" label="I"></secure-image>`,
      )
      await stage.faults[fault]()
      await stage.run(() => {
        for (const each of document.querySelectorAll<HTMLElement & { reload(): void }>('#p, #i'))
          each.reload()
      }, null)
      await heard(stage, `p error ${code}`)
      await heard(stage, `i error ${code}`)
    })
  })
}
