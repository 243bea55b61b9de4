//! The phrases of figures: one row for each phrase, in Japanese and in English. A new figure may have a table of its
//! own.

/// Makes a function of each row. The function takes the language, and the values that stand in braces.
macro_rules! phrases {
    ($($name:ident $(($($argument:ident),+))?: $ja:literal, $en:literal;)*) => {
        $(phrase! { $name $(($($argument),+))? $ja $en })*
    };
}

macro_rules! phrase {
    ($name:ident $ja:literal $en:literal) => {
        pub(super) fn $name(lang: $crate::figure::Lang) -> &'static str {
            match lang {
                $crate::figure::Lang::Ja => $ja,
                $crate::figure::Lang::En => $en,
            }
        }
    };
    ($name:ident($($argument:ident),+) $ja:literal $en:literal) => {
        pub(super) fn $name(lang: $crate::figure::Lang, $($argument: impl std::fmt::Display),+) -> String {
            match lang {
                $crate::figure::Lang::Ja => format!($ja),
                $crate::figure::Lang::En => format!($en),
            }
        }
    };
}

phrases! {
    // attention
    layer(layer): "レイヤー {layer}", "layer {layer}";
    layer_and_head(layer, head): "レイヤー {layer} のヘッド {head}", "layer {layer}, head {head}";
    attention_from_told(place, token, list):
        "{place}で、トークン{token}が前のトークンに向ける注意の重み。大きい順に、{list}。",
        "Attention weights of {place}, from the token {token} to those before it, largest first: {list}.";
    attention_told(place, count, list):
        "{place}の注意の重みのヒートマップ。{count} トークン。後ろのトークンは見えないので三角形になる。{list}。",
        "Heat map of the attention weights of {place}, {count} tokens; a triangle, as no token sees a later one. {list}.";
    most_attention(query, key, weight): "最大 {query}→{key} {weight}", "most {query}→{key} {weight}";
    attention_axes: "行は見る側、列は見られる側のトークン", "rows look, columns are looked at";
    head(head): "ヘッド {head}", "head {head}";
    seen_by_of_nothing(token): "{token}が見ているトークン", "What {token} looks at";
    seen_by(text, token): "「{text}」で{token}が見ているトークン", "“{text}”: what {token} looks at";
    attention_of_nothing: "注意の重み", "Attention weights";
    attention(text): "「{text}」の注意の重み", "“{text}”: attention weights";
    attention_weight: "注意の重み", "attention weight";
    sentence_end: "。", ". ";
    // bars
    rank: "順位", "rank";
    // before_after
    before: "前", "Before";
    after: "後", "After";
    whole_vocabulary: "語彙全体での確率", "whole vocabulary";
    after_renormalised: "再正規化した確率", "renormalised";
    cumulative: "累積確率", "cumulative";
    // bpe
    merges(quoted): "{quoted}を組み立てるマージ", "The merges that build {quoted}";
    vocabulary_and_merges(vocab_size, merges):
        "語彙 {vocab_size}、マージ {merges}",
        "vocabulary {vocab_size}, {merges} merges";
    parts_to_tokens(leaves, tokens):
        "部品 {leaves} 個 → トークン {tokens} 個",
        "from {leaves} parts to {tokens} tokens";
    merge_ranks: "数字はマージの順位（小さいほど先）", "numbers: the merge's rank (lowest first)";
    bpe_told(quoted, name, told, more, tokens):
        "{quoted}を {name} が組み立てるマージの木（括弧内は順位）: {told}{more}。トークン: {tokens}。",
        "Tree of the merges (with their ranks) by which {name} builds {quoted}: {told}{more}. Tokens: {tokens}.";
    // budget
    budget_exceeded(used, context, difference):
        "上限 {context} に対して {used} トークン（{difference} トークン超過）",
        "{used} tokens for a context of {context} ({difference} too many)";
    budget_kept(used, context, difference):
        "{context} トークン中 {used}（残り {difference}）",
        "{used} of {context} tokens ({difference} free)";
    limit(count): "上限 {count}", "limit {count}";
    budget: "コンテキストウィンドウの内訳", "What fills the context window";
    budget_told(state, list):
        "コンテキストウィンドウの内訳を示す積み上げ棒グラフ。{state}。{list}。",
        "Stacked bar of what fills the context window: {state}. {list}.";
    too_many: "超過", "too many";
    free: "空き", "free";
    // compare
    first: "1 つ目", "first";
    second: "2 つ目", "second";
    compared: "次に来るトークンの比較", "The next token, compared";
    compared_told(first, second, stage, list):
        "「{first}」と「{second}」を比べる棒グラフ。{stage}: {list}。",
        "Bar chart that compares “{first}” with “{second}”, {stage}: {list}.";
    points: "pt", "pp";
    change: "差", "change";
    // cumulative
    reached(name, token, mass, least):
        "{name}: 累積確率は{token}までで {mass} ≧ {least}",
        "{name}: cumulative up to {token} {mass} ≧ {least}";
    // lens
    first_prob: "首位のトークンの確率", "probability of the first token";
    final_rank: "最終的な首位トークンの順位", "rank of the token that comes first in the end";
    entropy_in_bits: "エントロピー（ビット）", "entropy, in bits";
    divergence: "最終分布との KL 情報量（ビット）", "KL divergence from the final distribution, in bits";
    embedding: "埋め込み", "embed";
    lens_told(rows, columns, metric, last, list):
        "各層で最も確率の高い次のトークンの表。{rows} 行 × {columns} 列、数値は{metric}。最後の列（「{last}」の次）: {list}。",
        "Table of the most probable next token after each layer, {rows} rows × {columns} columns, with the {metric}. The last column, after “{last}”: {list}.";
    lens_how:
        "各層の残差ストリームに最終ノルムと出力層を適用",
        "the final norm and the head on each layer's residual stream";
    lens_of_nothing: "層ごとの予測", "What each layer would say next";
    lens(text): "「{text}」の層ごとの予測", "“{text}”: what each layer would say next";
    // log_chart
    line_ends(name, x0, y0, x1, y1):
        "{name} は {x0} で {y0}、{x1} で {y1}",
        "{name} {y0} at {x0} and {y1} at {x1}";
    log_chart_told(title, x, y, list):
        "{title}。両対数の折れ線グラフ（横軸 {x}、縦軸 {y}）。{list}。",
        "{title}: lines on logarithmic axes, {y} against {x}. {list}.";
    // mixing
    mixing_told(rows):
        "Q、K、V とスコア、重み、出力の行列。重みは{rows}。",
        "Matrices Q, K, V, scores, weights and output. Weights: {rows}.";
    mixing: "アテンションはベクトルを混ぜる", "Attention mixes vectors";
    mixing_scores: "スコア QK^T / √d", "scores QK^T / √d";
    mixing_weights: "重み（行の和は 1）", "weights (rows sum to 1)";
    mixing_output: "出力 重み × V", "output: weights × V";
    mask_set: "後ろのトークンは見ない（因果マスク）", "no token sees those after it (causal mask)";
    mask: "すべてのトークンを見る", "every token sees all";
    // next_token
    was_chosen(token): "選ばれたのは{token}。", " Chosen: {token}.";
    next_token_told(stage, list, chosen):
        "棒グラフ。{stage}: {list}。{chosen}",
        "Bar chart of probabilities, {stage}: {list}.{chosen}";
    chosen_with(settings): "選択は {settings}", "chosen with {settings}";
    // next_tokens
    next_tokens(count): "{count} つの文脈の次に来るトークン", "The next token after {count} texts";
    more_panels(more): "ほか {more} 件。", "And {more} more.";
    sentence_space: "", " ";
    // provenance
    not_hashed: "ハッシュなし", "not hashed";
    tokenizer(model): "トークナイザー: {model}", "tokenizer: {model}";
    // sampling
    choice_of_first: "文頭のトークンが選ばれるまで", "How the first token is chosen";
    choice_of_next(context):
        "「{context}」の次のトークンが選ばれるまで",
        "“{context}”: how the next token is chosen";
    stages_of_first: "文頭の候補がサンプラーを通るまで", "The first token through the sampler";
    stages_of_next(context):
        "「{context}」の次の候補がサンプラーを通るまで",
        "“{context}”: the next token through the sampler";
    nothing: "なし", "none";
    number(n): "{n} 番目", "number {n}";
    greatest: "最大のもの", "the greatest";
    candidate_told(name, logit, scaled, end):
        "{name} ロジット {logit} → {scaled} → {end}",
        "{name} logit {logit} → {scaled} → {end}";
    by_draw(how): "乱数 {how} により", " by {how}";
    was_drawn(drawn, token): "{drawn}選ばれたのは{token}。", " Chosen{drawn}: {token}.";
    sampling_told(outputs, list, chosen):
        "サンプリングの各段階の表。残った数: {outputs}。{list}。{chosen}",
        "Table of the sampler's stages. Tokens left: {outputs}. {list}.{chosen}";
    stage_left(name, count): "{name}（{count} 個）", "{name} ({count})";
    // share_strip
    shares:
        "残ったトークンを ID の順に並べ、乱数 u が入った区間のトークンを選ぶ",
        "The tokens left, in the order of their ids: the one whose share holds u is chosen";
    // softmax
    softmax_told(logits, sentences):
        "温度ごとの確率の棒グラフ。ロジット: {logits}。{sentences}。",
        "Bar charts of probabilities per temperature. Logits: {logits}. {sentences}.";
    softmax: "ロジットから確率へ", "From logits to probabilities";
    logit: "ロジット z", "logit z";
    // stage_table
    left: "残った数", "left";
    // temperature
    over_shown(count):
        "表示した {count} 個の候補だけで 100% に再正規化した確率",
        "renormalised to 100% over the {count} shown";
    raw_is_heavy: "太線はモデルそのままの分布 (T = 1)", "heavy: the model's own distribution (T = 1)";
    raw_is_1: "T = 1 がモデルそのままの分布", "T = 1 is the model's own distribution";
    at_temperature(name, value, bits):
        "{name} で {value}（エントロピー {bits:.2} ビット）",
        "{value} at {name} (entropy {bits:.2} bits)";
    line_chart: "折れ線グラフ", "Line chart";
    bar_chart: "棒グラフ", "Bar chart";
    line_per_temperature: "を温度ごとに示す", "one line per temperature";
    line_per_candidate:
        "が温度とともに変わる様子と、その下に語彙全体の分布のエントロピーを示す",
        "one line per candidate over the temperature, with the whole distribution's entropy below";
    bars_per_candidate: "を温度ごとの棒で並べる", "a group of bars per candidate, one for each temperature";
    temperatures_told_of(chart, over, kind, name, list):
        "{chart}。{over}{kind}。{name}は{list}。",
        "{chart} of candidates {over}, {kind}. {name}: {list}.";
    temperatures_told(chart, count, over, kind, name, list):
        "{chart}。上位 {count} 個の候補の{over}{kind}。{name}は{list}。",
        "{chart} of the {count} most probable candidates {over}, {kind}. {name}: {list}.";
    temperatures_of_nothing: "温度で変わる文頭のトークン", "The first token at different temperatures";
    temperatures(context):
        "「{context}」の次に来るトークンは温度で変わる",
        "“{context}”: the next token at different temperatures";
    // temperature_chart
    whole_entropy: "語彙全体の分布のエントロピー（ビット）", "entropy of the whole distribution (bits)";
    temperature_axis_set: "温度 T（対数目盛）", "temperature T (logarithmic scale)";
    temperature_axis: "温度 T", "temperature T";
    // tokenizers
    tokenizers(quoted): "{quoted}のトークン分割", "{quoted} cut into tokens";
    characters(count): "{count} 文字", "{count} characters";
    utf8_bits(bits): "UTF-8 で {bits} ビット", "{bits} bits of UTF-8";
    ratio_is: "圧縮比 = UTF-8 ÷ トークン", "ratio = UTF-8 / tokens";
    vocabulary(size): "語彙 {size}", "vocabulary {size}";
    tokens_in_bits(tokens, each, bits):
        "{tokens} トークン × {each} ビット = {bits} ビット",
        "{tokens} tokens × {each} bits = {bits} bits";
    ratio(ratio): "圧縮比 {ratio:.2}", "ratio {ratio:.2}";
    tokenizers_told(quoted, all):
        "{quoted}をトークナイザーごとに分割した図。{all}。",
        "{quoted} as tokenizers cut it. {all}.";
    more_tokens(left): "… ほか {left} トークン", "… and {left} more tokens";
    lost(count, list):
        "語彙になく失われる文字（{count} か所）: {list}",
        "lost, as no token has it ({count} in all): {list}";
    // tokens
    scale_of_probs: "確率（語彙全体）", "probability over the whole vocabulary";
    scale_of_ranks: "順位（1 が最も確率の高いトークン）", "rank, 1 for the most probable token";
    scale_of_entropies:
        "直前の分布のエントロピー（ビット）",
        "entropy of the distribution before the token, in bits";
    token_probs: "各トークンの確率", "how probable each token is";
    token_ranks: "各トークンの順位", "the rank of each token";
    token_entropies: "各トークンの前のエントロピー", "the entropy before each token";
    what_of_text(text, what): "「{text}」の{what}", "“{text}”: {what}";
    tokens(count): "{count} トークン", "{count} tokens";
    prob(prob): "確率 {prob}", "probability {prob}";
    at_rank(rank): "順位 {rank}", "rank {rank}";
    entropy_of(bits): "エントロピー {bits:.2} ビット", "entropy {bits:.2} bits";
    and_more_tokens(count): "、ほか {count} トークン", ", and {count} more tokens";
    tokens_told(what, list, more):
        "色分けされたトークンの列。{what}: {list}{more}。",
        "A strip of coloured tokens. {what}: {list}{more}.";
    perplexity(perplexity): "パープレキシティ {perplexity:.2}", "perplexity {perplexity:.2}";
    bits_per_character(bits): "1 文字あたり {bits:.2} ビット", "{bits:.2} bits per character";
    // top_k
    one_left(mass):
        "残った 1 個（合計 {mass}）を 100% に再正規化",
        "1 token left ({mass}), renormalised to 100%";
    some_left(count, mass):
        "残った {count} 個（合計 {mass}）を 100% に再正規化",
        "{count} tokens left ({mass}), renormalised to 100%";
    unknown_left(mass):
        "残った候補（合計 {mass}）を 100% に再正規化",
        "the tokens left ({mass}) renormalised to 100%";
    one_more_sentence(words): "{words}。", " {words}.";
    truncation_told(kept, list, reached, chosen):
        "切り捨てる前と後の確率の棒グラフ。{kept}。{list}。{reached}{chosen}",
        "Bar chart of probabilities before and after truncation; {kept}: {list}.{reached}{chosen}";
    truncation_of_nothing: "切り捨てる前と後の文頭のトークン", "The first token before and after truncation";
    truncation(context):
        "「{context}」の次の候補、切り捨てる前と後",
        "“{context}”: the next token before and after truncation";
    // trace
    and_more_steps(count): "、ほか {count} ステップ", ", and {count} more steps";
    chosen_told(words, list, more):
        "選ばれたトークンと{words}: {list}{more}。",
        "The chosen tokens, {words}: {list}{more}.";
    steps_told(start, told):
        "「{start}」に続く各ステップの棒グラフ。{told}",
        "Bar charts, one per step after “{start}”. {told}";
    steps_of(all, first, last): "全 {all} ステップのうち {first}〜{last}", "steps {first} to {last} of {all}";
    steps_of_nothing: "文頭から一トークンずつ", "From the start, token by token";
    steps(context): "「{context}」の続きを一トークンずつ", "“{context}”: token by token";
    // trace_animation
    step_of(number, count): "ステップ {number} / {count}", "step {number} of {count}";
    animation_told(start, count, told):
        "「{start}」に続くトークンを一つずつ選んでいくアニメーション（{count} コマ）。各コマは候補の棒グラフ。{told}",
        "Animation of the tokens chosen one by one after “{start}”, {count} frames, each a bar chart of the candidates. {told}";
    // words
    greedy: "最大を選択", "greedy";
    pick(n): "{n} 番目を選択", "pick {n}";
    other(count): "その他 {count} 個", "{count} others";
    without(list): "{list} を除外", "without {list}";
    quoted(text): "「{text}」", "“{text}”";
    other_short: "その他", "others";
    chosen: "選択", "chosen";
    cut: "切り捨て", "cut";
    log_scale: "対数目盛", "logarithmic scale";
    entropy: "エントロピー（ビット）", "entropy (bits)";
    list_comma: "、", ", ";
    next_token_of_nothing: "文頭に来るトークン", "The first token";
    next_token(context): "「{context}」の次に来るトークン", "“{context}”: the next token";
    // stage_columns
    softmax_head: "softmax", "softmax";
    of_all_tokens: "語彙全体の確率", "of all tokens";
    renormalised: "再正規化", "renormalised";
    of_what_is_left: "残りでの確率", "of what is left";
    some_tokens(count): "{count} 個", "{count}";
    // distribution
    over_vocabulary: "語彙全体での確率", "over the whole vocabulary";
    over_scaled: "温度などを反映した確率（語彙全体）", "after temperature, over the whole vocabulary";
    over_final: "切り捨て後に再正規化した確率", "renormalised after truncation";
}
