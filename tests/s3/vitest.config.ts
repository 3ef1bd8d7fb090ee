import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** What takes another server, or minutes: `npm run test:s3`. */
export default defineConfig({
  test: { ...base.test, include: ['tests/s3/**/*.test.ts', 'tests/s3/**/*.slow.ts'], testTimeout: 120_000 },
})
