# 各页面的外框、登录，以及出错时的提示。
app-name = 模匠
frame-skip = 跳到正文
frame-language = 语言
frame-theme = 配色
frame-theme-auto = 跟随系统
frame-theme-light = 浅色
frame-theme-dark = 深色
frame-steps = 步骤
frame-sign-out = 退出登录
frame-local = 所有数据都留在这台机器上。
frame-docs = 程序接口文档

step-home = 首页
step-data = 数据
step-train = 训练
step-run = 过程
step-result = 结果
step-try = 试一试
step-ship = 上线

yes = 是
no = 否

problem-title = 没有成功
problem-not-found = 这里什么也没有
problem-internal = 我们这边出了问题
problem-home = 回到首页

guard-host = 这不是工作台自己的地址。请用 http://localhost 打开。
guard-origin = 这个请求来自别的网站，已被拒绝。
guard-sign-in = 请先登录

sign-in-title = 登录
sign-in-lead = 这个工作台需要令牌才能进入。请向搭建它的人索取一个。
sign-in-token = 令牌
sign-in-go = 登录
sign-in-wrong = 这个令牌打不开工作台：可能输错了、已经过期，或者只能用来预测。
