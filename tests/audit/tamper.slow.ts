import { test } from 'vitest'
import { expectEditsAreFound } from '../../packages/audit-log/test/tamper-export.ts'

test('each of 10,000 edits of an export is found', () => expectEditsAreFound(10_000))
