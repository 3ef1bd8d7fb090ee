import { NotStarted } from '@lunadefend/authorizers'
import { TestFileWrong } from '@lunadefend/authorizers/workbench'
import { CliFailure } from './failure.ts'

/** Policies, or tests of them, that cannot be used. They hold no secret: their errors may be shown. */
export function policyFailure(error: unknown): never {
  if (error instanceof NotStarted || error instanceof TestFileWrong)
    throw new CliFailure('policies_wrong', error.message)
  if (error instanceof Error && 'code' in error && 'path' in error)
    throw new CliFailure('file_unreadable', `${String(error.path)} cannot be read (${String(error.code)}).`)
  throw error
}
