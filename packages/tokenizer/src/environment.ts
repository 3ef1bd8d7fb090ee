/** The variables of this process, for those settings that name one. */
export const environment: Record<string, string | undefined> = process.env
