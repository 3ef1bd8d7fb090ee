import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { section } from '../docs/document.ts'
import { EMBEDDED_DEPARTURES, RADOSGW_DEPARTURES } from './departures.ts'

const document = readFileSync('docs/s3-conformance.md', 'utf8')

test('docs/s3-conformance.md has each departure of the gateway, and what it means for LunaDefend', () => {
  const departures = section(document, '## Departures of the Ceph gateway')
  const headings = [...departures.matchAll(/^### (.*)$/gm)].map(([, heading = '']) => heading)
  expect(headings.toSorted()).toEqual(Object.keys(RADOSGW_DEPARTURES).toSorted())
  for (const heading of headings)
    expect(section(departures, `### ${heading}`)).toContain('**For LunaDefend**: ')
})

test('docs/s3-conformance.md says that the embedded store has no departures', () => {
  expect(document.includes('The embedded store has no departures.')).toBe(
    Object.keys(EMBEDDED_DEPARTURES).length === 0,
  )
})
