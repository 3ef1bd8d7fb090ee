import { type Answer, type Call, checkNoBody, checkVocabulary, type Vocabulary } from './operations.ts'

const DELETE_VOCABULARY: Vocabulary = {
  query: new Set(),
  amzHeaders: /^$/,
  refusedHeaders: ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'],
}

/**
 * Answers alike whether there was such an object or not.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
 */
export async function deleteObject(call: Call): Promise<Answer> {
  checkVocabulary(call.request, DELETE_VOCABULARY)
  checkNoBody(call)
  await call.directory.remove(call.request)
  return { status: 204, headers: {} }
}
