import { defineConfig, mergeConfig } from 'vitest/config'
import usual from './vitest.config.ts'

/** What takes minutes: 100,000 records, 1,000 rounds, two engines. One file at a time, nothing else beside it. */
export default mergeConfig(
  { ...usual, test: { ...usual.test, include: [] } },
  defineConfig({
    test: {
      include: [
        'tests/{attacks,audit,browser,docs,keys,stores}/**/*.slow.ts',
        'packages/{react-sdk,secure-frame}/test/*.slow.ts',
        'packages/object-store/test/crash.test.ts',
      ],
      fileParallelism: false,
      testTimeout: 1_800_000,
      hookTimeout: 1_800_000,
    },
  }),
)
