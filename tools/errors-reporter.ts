import { writeFileSync } from 'node:fs'
import type { Reporter, Vitest } from 'vitest/node'

/**
 * Writes what was thrown beside the tests, an error a line, next to the report in JSON, which does not have it. Such an
 * error fails a run in which every test passes, and in a long output it is far above the last line.
 */
export default class ErrorsReporter implements Reporter {
  #report: string | undefined

  onInit({ config }: Vitest): void {
    const { outputFile } = config
    this.#report = typeof outputFile === 'string' ? outputFile : outputFile?.json
  }

  onTestRunEnd(_modules: unknown, errors: Parameters<NonNullable<Reporter['onTestRunEnd']>>[1]): void {
    if (this.#report === undefined || errors.length === 0) return
    const lines = errors.map(({ name, message, stack }) =>
      `${name}: ${message}\n${stack ?? ''}`.replaceAll('\n', ' | '),
    )
    writeFileSync(`${this.#report}.errors`, `${lines.join('\n')}\n`)
  }
}
