import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ContentError } from '../src/content-error.ts'
import { cleanFileName, FILE_HEADER_BYTES, fileHeader, readFileHeader } from '../src/file-envelope.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'none'
  } catch (error) {
    return error instanceof ContentError ? error.code : String(error)
  }
}

describe('the header of a file', () => {
  test('any name comes back, and the header is always as long', () => {
    const unit = fc.constantFrom(...'aZ. /<', 'é', '文', '🦊', '\u202e', '\u0000', '\n')
    const name = fc.string({ unit, maxLength: 60 })
    fc.assert(
      fc.property(name, fc.nat(), (text, contentLength) => {
        const header = fileHeader({ name: text, type: 'image/png' }, contentLength)
        expect(header).toHaveLength(FILE_HEADER_BYTES)
        expect(readFileHeader(header)).toEqual({ name: text, type: 'image/png', contentLength })
      }),
    )
  })

  test('is these bytes', () => {
    const hex = Buffer.from(fileHeader({ name: 'ä.txt', type: 'text/plain' }, 258)).toString('hex')
    const known =
      '4c4446494c450001' + '0000000000000102' + '0006' + '000a' + 'c3a42e747874' + '746578742f706c61696e'
    expect(hex).toBe(known.padEnd(2048, '0'))
  })

  test('a name that is too long keeps its extension, and no character is cut in half', () => {
    const read = readFileHeader(fileHeader({ name: `${'𝒜'.repeat(300)}.pdf`, type: '' }, 1))
    expect(read?.name).toMatch(/^(?:𝒜)+\.pdf$/u)
    expect(Buffer.from(read?.name ?? '').length).toBeGreaterThan(760)
  })

  test.each([
    ['text/html; charset=utf-8', 'text/html'],
    ['Image/PNG', 'image/png'],
    ['no type', ''],
    ['text/\r\nx: y', ''],
    [`a/${'b'.repeat(126)}`, ''],
  ])('type %j is kept as %j', (type, kept) => {
    expect(readFileHeader(fileHeader({ name: '', type }, 0))?.type).toBe(kept)
  })

  test('a value of another kind is no file', () => {
    for (const value of [
      Buffer.from(''),
      Buffer.from('LDFILE'),
      Buffer.from('078-05-1120'),
      Buffer.alloc(2000),
    ])
      expect(readFileHeader(value)).toBeNull()
  })

  test.each<[string, number, number, string]>([
    ['another version', 7, 2, 'content_unsupported'],
    ['a name that goes beyond the end', 16, 0xff, 'content_damaged'],
    ['a length beyond 2^53', 8, 0xff, 'content_damaged'],
    ['something behind the type', 1023, 1, 'content_damaged'],
    ['a name that is no UTF-8', 20, 0xff, 'content_damaged'],
    ['a type that is none', 24, 0x20, 'content_damaged'],
  ])('%s is refused', (_, at, byte, code) => {
    const header = fileHeader({ name: 'name', type: 'a/b' }, 5)
    header[at] = byte
    expect(codeOf(() => readFileHeader(header))).toBe(code)
    expect(codeOf(() => readFileHeader(header.subarray(0, 1023)))).not.toBe('none')
  })
})

describe('a name that is shown', () => {
  test.each([
    ['invoice\u202efdp.exe', 'invoice_fdp.exe'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['<img src=x onerror=alert(1)>.png', '_img src=x onerror=alert(1)_.png'],
    ['a\u0000b\nc\u2028d', 'a_b_c_d'],
    ['...', 'file'],
    ['Überweisung 2026 (1).pdf', 'Überweisung 2026 (1).pdf'],
    ['文件.txt', '文件.txt'],
    ['\ud800.txt', '_.txt'],
  ])('%j becomes %j', (name, clean) => {
    expect(cleanFileName(name)).toBe(clean)
  })

  test('is never empty, too long, or full of what nobody sees', () => {
    const text = fc
      .array(fc.integer({ min: 0, max: 0x2fff }), { maxLength: 300 })
      .map((units) => String.fromCharCode(...units))
    const unseen = /[\p{Cc}\p{Cf}/\\<>]/u
    fc.assert(
      fc.property(text, (name) => {
        const clean = cleanFileName(name)
        expect(clean).not.toBe('')
        expect(clean.length).toBeLessThanOrEqual(255)
        expect(unseen.test(clean)).toBe(false)
        expect(cleanFileName(clean)).toBe(clean)
      }),
    )
  })
})
