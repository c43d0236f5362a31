// One stack per way in which the CDK writes egress rules: what is met in real projects.
const cdk = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const ecs = require('aws-cdk-lib/aws-ecs');
const patterns = require('aws-cdk-lib/aws-ecs-patterns');
const lambda = require('aws-cdk-lib/aws-lambda');
const rds = require('aws-cdk-lib/aws-rds');

const app = new cdk.App({ analyticsReporting: false });
const props = { synthesizer: new cdk.LegacyStackSynthesizer() };

function stack(name, build) {
  const scope = new cdk.Stack(app, name, props);
  build(scope, ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId: 'vpc-1', availabilityZones: ['a', 'b'], privateSubnetIds: ['subnet-1', 'subnet-2'], publicSubnetIds: ['subnet-3', 'subnet-4'],
    vpcCidrBlock: '10.0.0.0/16',
  }));
}

function group(name, port, options = {}) {
  stack(name, (scope, vpc) => {
    const sg = new ec2.SecurityGroup(scope, 'Sg', { vpc, allowAllOutbound: false, ...options });
    const ports = typeof port === 'function' ? port(scope) : port;
    for (const each of [].concat(ports || [])) sg.addEgressRule(ec2.Peer.ipv4('10.0.0.0/16'), each, name);
  });
}

group('AllowAllOutbound', null, { allowAllOutbound: true });
group('NoTraffic', null);
group('Tcp', ec2.Port.tcp(443));
group('TcpRange', ec2.Port.tcpRange(8000, 8999));
group('AllTcp', ec2.Port.allTcp());
group('AllUdp', ec2.Port.allUdp());
group('AllTraffic', ec2.Port.allTraffic());
group('IcmpPing', ec2.Port.icmpPing());
group('IcmpTypeAndCode', ec2.Port.icmpTypeAndCode(3, 4));
group('IcmpType', ec2.Port.icmpType(8));
group('AllIcmp', ec2.Port.allIcmp());
group('Esp', [ec2.Port.esp(), ec2.Port.ah()]);
group('Parameter', (scope) => ec2.Port.tcp(new cdk.CfnParameter(scope, 'Port', { type: 'Number' }).valueAsNumber));
group('StandaloneRules', ec2.Port.tcp(5432), { disableInlineRules: true });
stack('Database', (scope, vpc) => {
  const db = new rds.DatabaseInstance(scope, 'Db', { vpc, engine: rds.DatabaseInstanceEngine.POSTGRES });
  const client = new ec2.SecurityGroup(scope, 'Client', { vpc, allowAllOutbound: false });
  db.connections.allowDefaultPortFrom(client);
});
stack('VpcFunction', (scope, vpc) => {
  new lambda.Function(scope, 'Fn', { vpc, runtime: lambda.Runtime.PYTHON_3_12, handler: 'i.h', code: lambda.Code.fromInline('def h(e, c): pass') });
});
stack('Fargate', (scope, vpc) => {
  new patterns.ApplicationLoadBalancedFargateService(scope, 'Web', { vpc, taskImageOptions: { image: ecs.ContainerImage.fromRegistry('nginx') } });
});
stack('BridgeMode', (scope, vpc) => {
  const cluster = new ecs.Cluster(scope, 'Cluster', { vpc });
  cluster.addCapacity('Capacity', { instanceType: new ec2.InstanceType('t3.small') });
  new patterns.ApplicationLoadBalancedEc2Service(scope, 'Web', {
    cluster, memoryLimitMiB: 256, taskImageOptions: { image: ecs.ContainerImage.fromRegistry('nginx') },
  });
});
stack('Condition', (scope, vpc) => {
  const environment = new cdk.CfnParameter(scope, 'Environment', { default: '' });
  const isProduction = new cdk.CfnCondition(scope, 'IsProduction', { expression: cdk.Fn.conditionEquals(environment, cdk.Aws.REGION) });
  const sg = new ec2.CfnSecurityGroup(scope, 'Sg', {
    groupDescription: 'one branch opens a range',
    securityGroupEgress: [{ ipProtocol: 'tcp', fromPort: 443, toPort: cdk.Token.asNumber(cdk.Fn.conditionIf('IsProduction', 443, 8443)), cidrIp: '10.0.0.0/8' }],
  });
  sg.node.addDependency(isProduction);
});
