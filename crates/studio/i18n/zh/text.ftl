# 文本：任务、数据、试用、结果。
task-text-classification-title = 给文字分门别类
task-text-classification-example = 这条评价是满意还是不满？这条消息是垃圾信息吗？属于哪个话题、该由哪个组处理？中文、英文等都可以。
task-text-classification-technical = 文本分类（text classification）
task-text-classification-short = 文本分类
task-text-classification-data = 请准备一张表格：一列是文字，一列是正确答案；也可以是存放文本文件的文件夹，每一类一个子文件夹。
task-text-classification-as = 模型阅读文字，说出它属于哪一类。
task-text-classification-instead = 改为阅读文字并分类
task-text-embedding-title = 找到意思相近的内容
task-text-embedding-example = 按意思搜索工单、商品或文档；找出重复内容；把同类归到一起。
task-text-embedding-technical = 文本向量与语义搜索（text embedding）
task-text-embedding-short = 文本向量
task-text-embedding-data = 请准备一张成对的表格：每行两段彼此对应的文字，例如问题和它的答案。
task-text-embedding-as = 同一行的两段文字彼此对应：模型学着让它们靠得更近。
task-text-embedding-instead = 改为学习哪些文字彼此对应
task-question-answering-title = 回答问题
task-question-answering-example = 客户用自己的话提问，答案来自您的常见问题或文档。不知道时，它会直说。
task-question-answering-technical = 问答（question answering）
task-question-answering-short = 问答
task-question-answering-data = 请准备一张问题与答案的表格、一个 Markdown 文档文件夹，或 SQuAD 格式的带原文的问题。
task-question-answering-as = 模型用这里的内容回答问题。
task-question-answering-instead = 改为用它回答问题

set-faq-title = 问答集（英文）
set-faq-about = 1,081 个问题，附答案和类别：对方想知道什么？
set-faq-zh-title = 问答集（中文）
set-faq-zh-about = 465 个中文问题，附答案：对方想知道什么？

data-a-text-folder = 文本，共 { $files } 个文件
data-notes = 读取时做了哪些处理（{ $count } 条）
texts-title = 文字内容
texts-column = 哪一列是文字内容？
texts-in = 文字在“{ $column }”这一列。
texts-usual = 一般长度
texts-longest = 最长
texts-characters = { $count } 个字符
texts-empty = 空白
texts-twice = 重复
texts-scripts = 文字构成：
texts-lengths = { $shortest } 到 { $longest } 个字符，平均 { $mean }
script-latin = 拉丁字母
script-han = 汉字
script-kana = 日文假名
script-hangul = 韩文
script-cyrillic = 西里尔字母
script-greek = 希腊字母
script-arabic = 阿拉伯字母
script-hebrew = 希伯来字母
script-devanagari = 天城文
script-thai = 泰文
script-other = 其他文字

plan-network-text-cnn = 一个每次看几个词的小型网络，只从您的文字中学习，几分钟就能学好。
plan-network-bert-mini = 一个把每个词与所有词对照着读的小型网络。它只从您的文字中学语言，所以需要较多例子。
plan-network-bert = 一个已经读过大量文字、懂得语言的网络。
plan-pretrained-texts = 它会带着从其他文字中学到的本领开始。
choice-model-text-cnn = 文本，速度快，只用您的数据
choice-model-bert-mini = 文本，只用您的数据
choice-model-bert = 文本，使用预训练权重
choice-model-auto = 自动选择
choice-model-cls = 第一个词元
choice-model-mean = 所有词元的平均
choice-model-merged = 合并进权重
choice-model-apart = 单独一个文件
choice-model-wordpiece = 词片，同 BERT
choice-model-bpe = 高频组合，同 GPT
choice-model-unigram = 概率词片，同 XLM-R

result-confusion-texts = 每行是一个真实类别，每列是一种回答，绿色为答对。点击数字，阅读对应的文字。

compared-title = 这个模型值得吗？
compared-help = 简单模型只统计词语，几秒就能学好。它们用的是同样的文字，参加的是同样的考试。
compared-earned = 值得。它达到 { $score }，最好的简单模型（{ $name }）达到 { $other }。
compared-same = 从这些数字看，不值得。它达到 { $score }，{ $name }达到 { $other }。
compared-worse = 不值得。它达到 { $score }，{ $name }更好，达到 { $other }。
compared-chance = 假如两者水平相同，出现这样的差距纯属偶然的机会是 { $cases } 次中有 1 次。
compared-chance-rare = 假如两者水平相同，出现这样的差距纯属偶然的机会不到千分之一。
compared-chance-often = 这样的差距很容易纯属偶然。
compared-few = 只有 { $examples } 个样本，这样的差距可能纯属偶然。
compared-model = 模型
compared-this = 这个模型
compared-time = 训练用时
baseline-naive-bayes-on-n-grams = 基于词片的朴素贝叶斯
baseline-logistic-regression-on-n-grams = 基于词片的逻辑回归

labels-title = 逐个标签查看
labels-help = 概率达到 { $threshold }% 即给出该标签。
labels-label = 标签
labels-trust = 给出时有多准
labels-mistakes = 查看
labels-missed = 漏掉的
labels-false = 误给的
labels-missed-of = 有 { $count } 个样本应有“{ $label }”，但没有给出
labels-false-of = 有 { $count } 个样本被误给了“{ $label }”

found-title = 有答案与没有答案的问题
found-help = “完全一致”指回答与预期一字不差；“重合度”统计回答与预期答案共有的词。
found-questions = 问题
found-answerable = 原文里有答案
found-unanswerable = 原文里没有答案
found-exact = 完全一致
found-overlap = 重合度
found-see = 查看它的回答
found-places = 正确的那个排在第几？
found-among = 共 { $queries } 次查询，每次与 { $texts } 段文字比较。
found-first = { $count ->
    [1] 排在第一
   *[other] 在前 { $count } 位之内
 }
found-refuse = 它知道自己不知道什么吗？
found-threshold = 把握达到 { $threshold }% 才作答。这样，100 个问题里会回答 { $answered } 个，100 个回答里有 { $right } 个是对的。
found-outside = 对这里没有答案的问题，100 个里它会谢绝 { $share } 个。
found-curve-help = 要求越严，回答的问题越少，答对的比例越高。圆点是它现在的位置。
found-curve-axes = 横轴：回答的问题所占比例。纵轴：这些回答中正确的比例。

answers-title = 它的回答
answers-lead = { $count } 个回答中，有 { $right } 个一字不差。答错的排在前面，最有把握的在最上。
answers-given = 它的回答
answers-true = 预期
answers-none = （无）

try-text-title = 输入一段文字
try-text-from = 这是您数据中的第 { $row } 行。可以粘贴您自己的文字来替换。
try-text-only = 文字
try-text-question = 问题
try-text-context = 包含答案的原文
try-text-longest = 模型大约读取 { $longest } 个字符。
try-text-cut = 这段文字有 { $length } 个字符，只读取了开头约 { $longest } 个。
try-text-empty = 请先输入文字
try-no-label = 没有合适的标签。
try-labels-help = 每个标签单独判断，达到 50% 即给出。
try-vector = 这段文字已变成一个向量。
try-vector-help = 用 { $width } 个数字代表它的意思。意思相近的文字，向量也靠得近。
try-near = 您数据中最接近的
try-no-span = 原文中没有提到。
try-where = 答案所在的位置
try-unknown-answer = 我不知道。
try-unknown-help = 最接近的已知问题，只有 { $p }% 的可能是您要问的。
try-match = 对应的已知问题：“{ $question }”
try-neighbours = 最接近的已知问题

plan-faq-letters = 它按字词把提问与已知问题比较，不需要预训练权重，几秒就能完成。
plan-faq-meaning = 它按意思和字词把提问与已知问题比较。
plan-faq-threshold = 把握达到 { $p }% 才作答；否则会说不知道，并列出最接近的问题。
result-on-faq = 以上数字来自 { $examples } 个由已知问题改写的提问：带有错字和漏字，其中一些的答案事先被拿掉。请用您自己的话试一试，看它对真实提问的表现。
