# 训练：用大白话说明方案，以及全部设置的表单。
train-title = 可以开始训练了
train-lead = 下面的方案适合您的数据，可以直接开始。
train-of = 用 { $data } 训练
train-plan = 训练方案
train-start = 开始训练
train-fault = 表单里有不能用的内容

plan-network-linear = 最简单的模型：给每项信息一个权重，再加起来。
plan-network-layers = { $count ->
    [0] 最简单的模型：给每项信息一个权重，再加起来。
   *[other] 一个有 { $count } 个隐藏层的神经网络。
 }
plan-network-lenet = 一个专为小图片设计的小型网络。
plan-network-resnet18 = 一个用于照片的网络，深 18 层。
plan-network-resnet34 = 一个用于照片的网络，深 34 层：慢一些，往往略好一点。
plan-network-other = 一个“{ $name }”类型的网络。
plan-pretrained-pictures = 它会带着从其他图片中学到的本领开始。
plan-division = 用 { $train }% 的例子学习，用 { $validation }% 随时自测，最后用从未见过的 { $test }% 参加“期末考试”。
plan-passes = 把例子学 { $epochs } 遍。
plan-passes-early = 把例子最多学 { $epochs } 遍；如果连续 { $patience } 遍都没有进步，就提前结束。
plan-augment = 每一遍都会把图片稍作变化，让它学到真正重要的特征。
plan-keep-best = 最后保留表现最好的那个状态。
plan-keep-last = 最后保留学完最后一遍时的状态。

effort-title = 学得多仔细？
effort-quick = 先快速看看
effort-quick-about = 四分之一的遍数
effort-usual = 推荐
effort-usual-about = 按上面的方案
effort-thorough = 学得更透
effort-thorough-about = 两倍的遍数

limit-label = 时间上限
limit-unit = 分钟
limit-none = 不限
limit-help = 时间一到，训练就结束，并评测、保留目前最好的模型；评测还要多花一点时间。

fault-empty = 不能为空；要恢复推荐值，请重新加载页面
fault-minutes = 请填大于 0 的分钟数，最多 40,320（四周）

expert-title = 全部设置（供专家使用）
expert-about = 表单里已填好推荐的方案，没有改动的就保持原样。
expert-default = 默认
expert-only = 仅用于 { $names }。

section-model = 网络
section-data = 数据
section-optimizer = 优化器
section-schedule = 学习率调度
section-augment = 图片变化
section-training = 训练循环

choice-model-linear = 只有一层
choice-model-mlp = 全连接层
choice-model-lenet = 适合小图片
choice-model-resnet18 = 适合照片
choice-model-resnet34 = 适合照片，更深
choice-optimizer-sgd = 带动量的梯度下降
choice-optimizer-adam = 最常用
choice-optimizer-adamw = 权重衰减独立的 Adam
choice-optimizer-rmsprop = 除以滑动均方根
choice-schedule-constant = 始终不变
choice-schedule-step = 阶梯式下降
choice-schedule-exponential = 每轮按比例下降
choice-schedule-cosine = 沿余弦曲线下降
choice-schedule-one-cycle = 先升后降
