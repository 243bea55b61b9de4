// The words of the page in both languages. `{name}` stands for a value.

const en = {
  title: "sukashi: see how a language model chooses its next token",
  tagline: "Type a text. See what comes next, and why.",
  text: "Text",
  textHelp: "The model reads this text and continues it. Ctrl+Enter runs, Esc stops.",
  step: "One token",
  run: "Run",
  stop: "Stop",
  count: "Tokens",
  seed: "Seed",
  nextSeed: "New seed after each run",
  tokens: "Tokens",
  tokensHelp: "The colour is the probability that the model gave to the token. Click on a token to see what else could have stood there.",
  noTokens: "There is no token yet.",
  unknownProb: "The model did not predict this token: nothing stands before it.",
  unscored: "Probabilities of this text: {error}",
  token: "Token {text}, id {id}, {percent}",
  tokenFirst: "Token {text}, id {id}, the first",
  end: "what comes next",
  candidates: "What could come next",
  candidatesAt: "After {text}",
  candidatesHelp: "Click on a token to continue the text with it. The old text stays as a branch.",
  rank: "Rank",
  candidate: "Token",
  model: "Model",
  sampler: "Sampler",
  cut: "cut",
  stands: "This token stands in the text",
  other: "All others",
  entropy: "Entropy {bits} bits; vocabulary of {size} tokens",
  more: "Show more",
  noText: "Type a text to see what could come next.",
  full: "The text fills the model's context of {count} tokens.",
  working: "Computing …",
  keptLogits: "{ms} ms, from the logits that the page keeps: no pass through the model.",
  asked: "{ms} ms. The server keeps no logits: it reads the last tokens again for every setting.",
  lookedAt: "{ms} ms, one pass through the model.",
  settings: "Sampler",
  temperature: "Temperature",
  top_k: "Top-k",
  top_p: "Top-p",
  min_p: "Min-p",
  typical_p: "Typical-p",
  repetition_penalty: "Repetition penalty",
  frequency_penalty: "Frequency penalty",
  presence_penalty: "Presence penalty",
  off: "off",
  greedy: "0: always the first",
  reset: "Reset",
  branches: "Branches",
  branchesHelp: "Every text of this visit. Click on one to go back to it.",
  noBranches: "There is one text. Choose another token, and the old text stays here.",
  forget: "Forget this branch",
  bits: "{count} tokens, {bits} bits",
  countOnly: "{count} tokens",
  figures: "Figures",
  "next-token": "Next token",
  "temperature-figure": "Temperature",
  sampling: "Sampling",
  "top-k": "Before and after",
  trace: "Steps",
  "tokens-figure": "Tokens",
  attention: "Attention",
  lens: "Lens",
  layer: "Layer",
  head: "Head",
  allHeads: "all",
  needsRun: "Run the model to see its steps.",
  needsCut: "Set top-k, top-p, min-p or typical-p to see what they cut.",
  needsText: "Type a text first.",
  notHere: "The browser's engine does not draw this figure yet. The server does: sukashi serve.",
  saveSvg: "Save SVG",
  savePng: "Save PNG",
  copyMarkdown: "Copy Markdown",
  copyCommand: "Copy command",
  copyLink: "Copy link",
  copied: "Copied.",
  notCopied: "The browser did not allow the page to copy. Take it from here:",
  linkHelp: "The link has the text behind its #, which browsers send to nobody.",
  engineServer: "Server",
  engineBrowser: "This browser",
  on: "{engine}: {model} on {adapter}",
  speed: "{speed} tokens/s",
  loading: "The model is being loaded …",
  loadingPart: "Loading: {percent}%",
  opening: "Opening …",
  failed: "That did not work: {error}",
  noPackage: "This page has neither a server nor its package pkg beside it. scripts/build_web.sh makes it.",
  noAdapter: "On the CPU, as this browser offers no WebGPU adapter",
  softwareAdapter: "On the CPU, as this browser's WebGPU is software, which is slower",
  ownModel: "Open a model from disk",
  ownModelHelp: "A GGUF file, or the files config.json, tokenizer.json and model.safetensors together. They stay on this computer.",
  tooManyFiles: "Choose one .gguf file, or config.json with model.safetensors and tokenizer.json.",
  key: "This server needs an API key",
  keyWrong: "The server does not know this key",
  keyHelp: "The page keeps it until it is closed.",
  ok: "OK",
  theme: "Colours",
  light: "Light",
  dark: "Dark",
  auto: "As the system",
  language: "Language",
  verify: "Check this browser's kernels",
  api: "The server's API",
  private: "Nothing that you type leaves this computer.",
  privateServer: "What you type goes to this server and to nobody else.",
};

/** @type {typeof en} */
const ja = {
  title: "sukashi：言語モデルが次のトークンを選ぶようすを見る",
  tagline: "文を入力すると、次に来るトークンとその理由が見えます。",
  text: "文",
  textHelp: "モデルはこの文を読み、続きを書きます。Ctrl+Enterで実行、Escで停止します。",
  step: "1トークン",
  run: "実行",
  stop: "停止",
  count: "トークン数",
  seed: "シード",
  nextSeed: "実行のたびにシードを変える",
  tokens: "トークン",
  tokensHelp: "色は、モデルがそのトークンに与えた確率です。トークンを押すと、そこに来えたほかの候補が見えます。",
  noTokens: "トークンはまだありません。",
  unknownProb: "前に何もないので、モデルはこのトークンを予測していません。",
  unscored: "この文の確率：{error}",
  token: "トークン{text}、ID {id}、{percent}",
  tokenFirst: "トークン{text}、ID {id}、先頭",
  end: "次に来るもの",
  candidates: "次に来る候補",
  candidatesAt: "{text}の次",
  candidatesHelp: "候補を押すと、文がそのトークンで続きます。元の文は枝として残ります。",
  rank: "順位",
  candidate: "トークン",
  model: "モデル",
  sampler: "サンプラー",
  cut: "除外",
  stands: "文にあるトークン",
  other: "その他すべて",
  entropy: "エントロピー {bits} ビット、語彙 {size} トークン",
  more: "もっと見る",
  noText: "文を入力すると、次に来る候補が見えます。",
  full: "文がモデルのコンテキスト（{count} トークン）を使い切りました。",
  working: "計算中…",
  keptLogits: "{ms} ms。ページが持つロジットから計算しました（モデルは動かしていません）。",
  asked: "{ms} ms。サーバーはロジットを保存しないので、設定を変えるたびに末尾のトークンを読み直します。",
  lookedAt: "{ms} ms。モデルを1回動かしました。",
  settings: "サンプラー",
  temperature: "温度",
  top_k: "Top-k",
  top_p: "Top-p",
  min_p: "Min-p",
  typical_p: "Typical-p",
  repetition_penalty: "繰り返しペナルティ",
  frequency_penalty: "頻度ペナルティ",
  presence_penalty: "出現ペナルティ",
  off: "なし",
  greedy: "0：常に1位",
  reset: "元に戻す",
  branches: "枝",
  branchesHelp: "これまでの文です。押すとその文に戻ります。",
  noBranches: "文は一つです。別のトークンを選ぶと、元の文がここに残ります。",
  forget: "この枝を消す",
  bits: "{count} トークン、{bits} ビット",
  countOnly: "{count} トークン",
  figures: "図",
  "next-token": "次のトークン",
  "temperature-figure": "温度",
  sampling: "サンプリング",
  "top-k": "除外の前後",
  trace: "各ステップ",
  "tokens-figure": "トークン",
  attention: "注意の重み",
  lens: "ロジットレンズ",
  layer: "レイヤー",
  head: "ヘッド",
  allHeads: "すべて",
  needsRun: "実行すると、各ステップが見えます。",
  needsCut: "Top-k、Top-p、Min-p、Typical-pのどれかを設定すると、除外のようすが見えます。",
  needsText: "まず文を入力してください。",
  notHere: "ブラウザーのエンジンはこの図をまだ描けません。サーバー（sukashi serve）なら描けます。",
  saveSvg: "SVGを保存",
  savePng: "PNGを保存",
  copyMarkdown: "Markdownをコピー",
  copyCommand: "コマンドをコピー",
  copyLink: "リンクをコピー",
  copied: "コピーしました。",
  notCopied: "ブラウザーがコピーを許可しませんでした。ここから取ってください：",
  linkHelp: "文はリンクの#より後ろに入ります。ブラウザーはそこをどこにも送りません。",
  engineServer: "サーバー",
  engineBrowser: "このブラウザー",
  on: "{engine}：{model}（{adapter}）",
  speed: "{speed} トークン/秒",
  loading: "モデルを読み込んでいます…",
  loadingPart: "読み込み中：{percent}%",
  opening: "準備しています…",
  failed: "うまくいきませんでした：{error}",
  noPackage: "サーバーも、パッケージpkgも見つかりません。pkgはscripts/build_web.shで作れます。",
  noAdapter: "CPUで計算（このブラウザーではWebGPUを使えません）",
  softwareAdapter: "CPUで計算（このブラウザーのWebGPUはソフトウェアで、CPUより遅いため）",
  ownModel: "手元のモデルを開く",
  ownModelHelp: "GGUFファイル一つ、またはconfig.json、tokenizer.json、model.safetensorsをまとめて選びます。ファイルはこのコンピューターの外に出ません。",
  tooManyFiles: ".ggufファイル一つか、config.json、model.safetensors、tokenizer.jsonを選んでください。",
  key: "このサーバーにはAPIキーが必要です",
  keyWrong: "サーバーはこのキーを知りません",
  keyHelp: "キーはページを閉じるまで保持します。",
  ok: "OK",
  theme: "配色",
  light: "ライト",
  dark: "ダーク",
  auto: "システムに合わせる",
  language: "言語",
  verify: "このブラウザーでカーネルを検証する",
  api: "サーバーのAPI",
  private: "入力した文は、このコンピューターの外に出ません。",
  privateServer: "入力した文は、このサーバーだけに送られます。",
};

const all = { en, ja };

/** @typedef {keyof typeof en} Word */

/** @type {"ja" | "en"} */
let lang = "en";

/** The language of the page. */
export function language() {
  return lang;
}

/**
 * Shows the page in a language: every element with `data-word`, and those whose attributes have a word.
 * @param {"ja" | "en"} next
 */
export function speak(next) {
  lang = next;
  document.documentElement.lang = next;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = say(/** @type {Word} */ (element.getAttribute("data-word")));
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(/** @type {Word} */ (element.getAttribute("data-label"))));
  }
}

/**
 * A word of the page.
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(word, values = {}) {
  return all[lang][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * A text in the quotation marks of the language.
 * @param {string} text
 */
export function quoted(text) {
  return lang === "ja" ? `「${text}」` : `“${text}”`;
}
