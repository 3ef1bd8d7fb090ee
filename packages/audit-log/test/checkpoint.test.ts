import { hash, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  AuditLogError,
  formatVkey,
  leafHash,
  openCheckpoint,
  originOf,
  parseVkey,
  signCheckpoint,
  signingKeyOf,
  verifierOf,
} from '../src/index.ts'
import { openNote, signNote } from '../src/note.ts'

const file = new URL('../../../vectors/signed-notes.json', import.meta.url)
const vectors: { notes: { vkey: string; seed?: string; note: string }[] } = JSON.parse(
  readFileSync(file, 'utf8'),
)

const codeOf = (run: () => unknown) => {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof AuditLogError ? error.code : String(error)
  }
}

describe('the notes of other implementations', () => {
  test.each(vectors.notes)('$vkey', ({ vkey, note }) => {
    const verifier = parseVkey(vkey)
    expect(formatVkey(verifier)).toBe(vkey)
    expect(openNote(note, [verifier])).toBe(note.slice(0, note.lastIndexOf('\n\n') + 1))
  })

  test('from the seed come the same key and the same bytes', () => {
    const { vkey, seed, note } = vectors.notes[0] as { vkey: string; seed: string; note: string }
    const key = signingKeyOf(Buffer.from(seed, 'base64'))
    expect(formatVkey(verifierOf('PeterNeumann', key))).toBe(vkey)
    expect(signNote(note.slice(0, note.lastIndexOf('\n\n') + 1), 'PeterNeumann', [key])).toBe(note)
  })
})

const origin = originOf('https://tokenizer.example.com')
const key = signingKeyOf(Buffer.alloc(32, 1))
const other = signingKeyOf(Buffer.alloc(32, 2))
const ours = verifierOf(origin, key)
const head = { origin, size: 20852163, root: leafHash('root') }
const note = signCheckpoint(head, [key])

describe('a checkpoint', () => {
  test('is named for the public URL', () => {
    expect(origin).toBe('tokenizer.example.com/audit')
    expect(originOf('http://localhost:37766')).toBe('localhost:37766/audit')
  })

  test('has three lines and a signature that RFC 8032 checks', () => {
    const [text = '', signature = ''] = note.split('\n\n')
    const root = Buffer.from(head.root).toString('base64')
    expect(text).toBe(`tokenizer.example.com/audit\n20852163\n${root}`)
    const bytes = Buffer.from(signature.trim().split(' ')[2] ?? '', 'base64')
    const raw = Buffer.from(String(ours.key.export({ format: 'jwk' }).x), 'base64url')
    const id = hash('sha256', Buffer.concat([Buffer.from(`${origin}\n\x01`), raw]), 'hex').slice(0, 8)
    expect(bytes.subarray(0, 4).toString('hex')).toBe(id)
    expect(verify(null, Buffer.from(`${text}\n`), ours.key, bytes.subarray(4))).toBe(true)
  })

  test('is read by whoever trusts the key', () => {
    expect(openCheckpoint(note, [ours])).toEqual(head)
    const empty = { origin, size: 0, root: leafHash('') }
    expect(openCheckpoint(signCheckpoint(empty, [key]), [ours])).toEqual(empty)
  })

  test('that a newer key signs too is read by both, while keys change', () => {
    const both = signCheckpoint(head, [key, other])
    expect(openCheckpoint(both, [ours])).toEqual(head)
    expect(openCheckpoint(both, [verifierOf(origin, other)])).toEqual(head)
  })

  test('of an unknown key, of another name or of another log is refused', () => {
    expect(codeOf(() => openCheckpoint(note, [verifierOf(origin, other)]))).toBe('checkpoint_unknown_key')
    expect(codeOf(() => openCheckpoint(note, [verifierOf('other.example/audit', key)]))).toBe(
      'checkpoint_unknown_key',
    )
    expect(codeOf(() => openCheckpoint(note, []))).toBe('checkpoint_unknown_key')
    const text = note.slice(0, note.indexOf('\n\n') + 1).replace(origin, 'other.example/audit')
    expect(codeOf(() => openCheckpoint(signNote(text, origin, [key]), [ours]))).toBe('checkpoint_unknown_key')
  })

  test('is spoiled by one wrong signature of a known key beside a right one', () => {
    const elsewhere = signCheckpoint({ ...head, size: 5 }, [other]).split('\n\n')[1] ?? ''
    const verifiers = [ours, verifierOf(origin, other)]
    expect(codeOf(() => openCheckpoint(note + elsewhere, verifiers))).toBe('checkpoint_forged')
    expect(openCheckpoint(note + elsewhere, [ours])).toEqual(head)
  })

  test('with any bit flipped is refused', () => {
    const bytes = Buffer.from(note)
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(codeOf(() => openCheckpoint(flipped.toString('utf8'), [ours]))).toMatch(
          /^(?:note_malformed|checkpoint_unknown_key|checkpoint_forged)$/,
        )
      }),
      { numRuns: 400 },
    )
  })

  test.each(['+1', '01', '-1', '1e3', ' 1', '', '9007199254740993'])('has no size %j', (size) => {
    const signed = signNote(`${origin}\n${size}\n${Buffer.from(head.root).toString('base64')}\n`, origin, [
      key,
    ])
    expect(codeOf(() => openCheckpoint(signed, [ours]))).toBe('checkpoint_malformed')
  })

  test.each(['', 'AAAA', `${'A'.repeat(42)}B=`, `${'A'.repeat(43)}`, `${'-'.repeat(43)}=`])(
    'has no root %j',
    (root) => {
      const signed = signNote(`${origin}\n7\n${root}\n`, origin, [key])
      expect(codeOf(() => openCheckpoint(signed, [ours]))).toBe('checkpoint_malformed')
    },
  )

  test('with further lines is read, as the specification has it', () => {
    const root = Buffer.from(head.root).toString('base64')
    const signed = signNote(`${origin}\n20852163\n${root}\nmore\n`, origin, [key])
    expect(openCheckpoint(signed, [ours])).toEqual(head)
  })
})

describe('what is no note', () => {
  test.each([
    ...['', '\n', '\n\n', 'text', note.slice(0, -1), note.replace('— ', '- '), note.replace('\n\n', '\n')],
    ...[note.replaceAll('\n', '\r\n'), `\u0000${note}`, note.replace('— ', '—  '), `${note}x\n`, `${note}\n`],
    ...[note.replace(/ \S+\n$/, ' AAAA\n'), note.replace(/\n$/, '=\n'), `${'x'.repeat(140_000)}${note}`],
  ])('%#', (broken) => {
    expect(codeOf(() => openCheckpoint(broken, [ours]))).toBe('note_malformed')
  })

  test('reading survives anything', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((junk) => `${note}${junk}`),
        ),
        (anything) => {
          expect(codeOf(() => openCheckpoint(anything, [ours]))).toMatch(
            /^(?:none|note_malformed|checkpoint_\w+)$/,
          )
        },
      ),
    )
  })
})

test.each([
  ...['', 'a+b+c', formatVkey(ours).replace(/\+[0-9a-f]{8}\+/, '+00000000+'), `${formatVkey(ours)} `],
  ...[formatVkey(ours).toUpperCase(), formatVkey(ours).slice(0, -1), formatVkey(ours).replace('+AY', '+BY')],
  'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
])('%j is no key to check this log with', (text) => {
  expect(codeOf(() => parseVkey(text))).toBe('vkey_malformed')
})
