# 提供数据、查看数据、修正数据。
data-title = 数据
data-question = 让它从什么学起？
data-lead = 带上您工作中的例子，或者先用这里现成的数据。
data-yours = 您的数据
data-embedded = 没有数据也能先试试
data-embedded-lead = 程序自带的小数据集，几秒到一分钟就能训练好。
data-all = ← 全部数据
data-a-table = 表格
data-a-folder = 图片，共 { $files } 个文件
data-looking = 正在查看您的数据
data-decoded = 已看 { $done } / { $total } 张图片
data-reading = 正在读取……
data-unreadable = 现在还读不了这份数据。
data-problem = 问题在哪里
data-encoding = 文字显示不对吗？
data-encoding-about = 较早的软件可能使用其他文字编码。请选择读取方式；您的原始文件不会被改动。
data-pictures-in = 共 { $count } 张图片，{ $classes } 个类别
data-rows-in = 共 { $count } 行，{ $columns } 列
data-next = 下一步：训练
data-not-yet = 请先处理上面标红的问题，然后才能开始训练。
data-no-target = 请先在上面选好要预测的列，然后就可以开始训练。
data-why = 还缺什么
data-balance = 各类别的例子数量
data-balance-about = 越均匀越好：例子少的类别学不好。
data-class = 类别
data-examples = 例子数
data-share = 占比
data-pictures = 图片
data-picture-of = “{ $class }”的一个例子
data-picture = 图片
data-grey = 灰度
data-colour = 彩色
data-one-size = 全部为 { $size } 像素，{ $colour }
data-many-sizes = 共 { $count } 种尺寸，最多的是 { $size } 像素，{ $colour }
data-more-classes = 还有 { $count } 个类别
data-odd = 值得看一眼
data-why-odd = 原因
data-rows = 开头几行
data-columns = 各列
data-remove = 删除这份数据
data-remove-about = 文件会从工作台中删除。已训练好的模型不受影响，但中断的训练将无法继续。
data-remove-now = 彻底删除

set-digits-title = 手写数字
set-digits-about = 1,797 张 8 × 8 像素的数字图片：写的是几？
set-ames-title = 房屋价格
set-ames-about = 美国艾奥瓦州埃姆斯市的 2,930 笔房屋成交：价格是多少？
set-german-credit-title = 贷款
set-german-credit-about = 1,000 笔贷款，附借款人的 20 项情况：能不能按期还清？
set-iris-title = 鸢尾花品种
set-iris-about = 150 朵花，每朵量了四个尺寸：是哪个品种？

upload-drop = 把文件夹、zip 压缩包或文件拖到这里
upload-kinds = 图片和文本文件：每一类一个文件夹。表格：CSV、TSV、JSON Lines 或 Parquet。也支持 Markdown，以及 SQuAD 格式的问题。
upload-folder = 选择文件夹
upload-file = 选择压缩包或文件
upload-send = 上传
upload-sending = 正在上传
upload-storing = 正在解压和保存……
upload-cancel = 取消
upload-lost = 连接中断了，请再试一次。
upload-how = 文件该怎么放？
upload-layout =
    照片/
    {"    "}合格/    1.jpg  2.jpg  …
    {"    "}瑕疵/    1.jpg  2.jpg  …

    来信/
    {"    "}订单/    1.txt  2.txt  …
    {"    "}咨询/    1.txt  2.txt  …

    客户.csv
    {"    "}年龄,城市,使用月数,是否流失
    {"    "}34,杭州,12,否
    {"    "}51,成都,3,是
upload-bad-name = 有一个文件的名字不能用
upload-too-many = 文件太多了，一次最多只能上传这么多个
upload-too-large = 太大了，一次上传最多这么多 MB
upload-twice = 有一个文件出现了两次
upload-link = 压缩包里有链接或特殊文件，不允许上传
upload-encrypted = 压缩包有密码，请重新打包一个不带密码的
upload-bomb = 压缩包里有一个文件解压后大得可疑
upload-damaged = 压缩包已损坏，或者不是 zip 文件
upload-broken = 上传没有完成
upload-nothing = 这些文件里没有图片、文本或表格（png、jpg、bmp、webp、gif；txt、md；csv、tsv、json、jsonl、parquet）
upload-many-tables = 有好几张表格，请只上传要学习的那一张

finding-title = 我们注意到的
finding-none = 没有发现异常，数据已经就绪。
finding-unreadable = 有 { $count } 张图片打不开，训练会停在那里。
finding-duplicates = 有 { $count } 张图片与别的图片完全相同。重复的图片会被重复计算；如果同一张图出现在两个类别里，等于教给模型一个矛盾。
finding-shared = “{ $part }”部分有 { $count } 张图片同时也在“{ $other }”部分里，得分会显得比实际好。
finding-empty = “{ $column }”这一列完全是空的。
finding-sparse = “{ $column }”这一列有 { $share }% 的行是空的。
finding-constant = “{ $column }”这一列每行的值都一样。
finding-identifier = “{ $column }”这一列每行都不同。流水编号学不到东西，还会误导模型。
finding-no-target = 有 { $count } 行在“{ $column }”里没有答案，训练时会略过。
finding-equal-rows = 有 { $count } 行与前面的行重复。不用处理：相同的行不会一部分用来学习、一部分用来考试。
finding-conflicting = 有 { $count } 行与别的行条件相同，答案却不同。没有哪个模型能全部答对。
finding-one-class = 只有“{ $class }”一个类别。要学会区分，至少需要两个。
finding-uneven = “{ $class }”只有 { $few } 个例子，最多的类别有 { $many } 个。少见的类别容易被忽略。
finding-few = “{ $class }”只有 { $count } 个例子。有二十个以上才比较可靠。

fix-skip-bad = 略过这些图片
fix-copy = 生成一份去重的副本
fix-exclude = 不使用“{ $column }”
fix-balance = 加重少见类别的分量
fix-encoding = 按 { $encoding } 读取
fix-no-folder = 只有图片文件夹才能生成副本
fix-unknown = 没有这种修正方式

chosen-title = 已应用的修正
chosen-skip-bad = 略过打不开的图片
chosen-balanced = 少见类别的分量已加重
chosen-encoding = 文字按 { $encoding } 读取
chosen-exclude = 不使用“{ $column }”这一列
chosen-undo = 撤销

part-train = 训练
part-validation = 验证
part-test = 测试

target-question = 让模型预测哪一列？
target-column = 要预测的列
target-choose = 请选择……
target-use = 就用这一列

column-name = 列
column-kind = 类型
column-missing = 缺失
column-distinct = 不同值
column-values = 取值
column-use = 使用
column-range = { $min } 到 { $max }，平均 { $mean }
column-histogram = 各取值区间出现的次数
column-target = 要预测
column-exclude = 不使用
column-include = 恢复使用
kind-integer = 整数
kind-number = 数值
kind-boolean = 是/否
kind-date = 日期
kind-category = 类别
kind-text = 文本
