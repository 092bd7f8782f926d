// Where cities and the regions of clouds are: names and codes, latitude, longitude. An edge or a node that says
// its city or region is drawn there.
import world from "virtual:world";

const table = `
amsterdam ams nl-ams westeurope europe-west4|52.37 4.90
athens ath|37.98 23.73
atlanta atl us-southeast|33.75 -84.39
auckland akl|-36.85 174.76
bangalore bengaluru blr|12.97 77.59
bangkok bkk ap-southeast-7|13.76 100.50
barcelona bcn|41.39 2.17
beijing bjs pek cn-north-1|39.90 116.41
belgium europe-west1 stghislain|50.47 3.87
berlin ber europe-west10|52.52 13.40
bogota bog|4.71 -74.07
boston bos|42.36 -71.06
brussels bru|50.85 4.35
bucharest otp|44.43 26.10
budapest bud|47.50 19.04
buenosaires eze|-34.60 -58.38
cairo cai|30.04 31.24
calgary yyc ca-west-1|51.05 -114.07
canberra australiacentral|-35.28 149.13
capetown cpt af-south-1|-33.92 18.42
chennai maa southindia|13.08 80.27
chicago ord chi us-ord northcentralus|41.88 -87.63
columbus cmh ohio us-east-2 us-east5|39.96 -83.00
copenhagen cph|55.68 12.57
dallas dfw us-dal us-south1 southcentralus|32.78 -96.80
delhi del newdelhi asia-south2|28.61 77.21
denver den|39.74 -104.99
dubai dxb me-central-1 uaenorth|25.20 55.27
dublin dub ireland eu-west-1 northeurope|53.35 -6.26
falkenstein fsn fsn1|50.48 12.37
finland hamina europe-north1|60.57 27.20
frankfurt fra eu-central-1 eu-central europe-west3 germanywestcentral de-fra|50.11 8.68
gravelines gra|50.99 2.13
hamburg ham|53.55 9.99
helsinki hel hel1|60.17 24.94
hongkong hkg ap-east-1 eastasia asia-east2|22.32 114.17
hyderabad hyd ap-south-2|17.39 78.49
iowa councilbluffs us-central1 centralus|41.26 -95.86
istanbul ist|41.01 28.98
jakarta cgk ap-southeast-3 asia-southeast2|-6.21 106.85
johannesburg jnb southafricanorth africa-south1|-26.20 28.05
kansascity mci|39.10 -94.58
kyiv kiev kbp iev|50.45 30.52
lagos los|6.52 3.38
lasvegas us-west4|36.17 -115.14
lima lim|-12.05 -77.04
lisbon lis|38.72 -9.14
london lon lhr eu-west-2 uksouth europe-west2 gb-lon|51.51 -0.13
losangeles lax us-west2|34.05 -118.24
madrid mad eu-south-2 europe-southwest1|40.42 -3.70
manila mnl|14.60 120.98
marseille mrs|43.30 5.37
melbourne mel ap-southeast-4 australia-southeast2|-37.81 144.96
mexicocity mex mx-central-1 qro|19.43 -99.13
miami mia us-mia|25.76 -80.19
milan mil mxp eu-south-1 europe-west8 italynorth|45.46 9.19
montreal yul ca-central-1 northamerica-northeast1 canadaeast|45.50 -73.57
mumbai bom ap-south-1 asia-south1 centralindia westindia ap-south|19.08 72.88
munich muc|48.14 11.58
nairobi nbo|-1.29 36.82
newyork nyc ewr jfk newark|40.71 -74.01
nuremberg nbg nbg1|49.45 11.08
oregon portland pdx us-west-2 us-west1 westus2 hillsboro hil|45.52 -122.68
osaka kix osa ap-northeast-3 asia-northeast2 japanwest|34.69 135.50
oslo osl norwayeast|59.91 10.75
paris par cdg eu-west-3 francecentral europe-west9 fr-par|48.86 2.35
perth per|-31.95 115.86
phoenix phx westus3|33.45 -112.07
prague prg|50.08 14.44
quito uio|-0.18 -78.47
reykjavik kef|64.15 -21.94
rome rom fco|41.90 12.50
roubaix rbx|50.69 3.17
saltlakecity slc us-west3|40.76 -111.89
sanfrancisco sfo sanjose sjc us-west-1 us-west westus|37.77 -122.42
santiago scl southamerica-west1|-33.45 -70.67
saopaulo gru sao sa-east-1 southamerica-east1 brazilsouth|-23.55 -46.63
seattle sea|47.61 -122.33
seoul icn sel ap-northeast-2 asia-northeast3 koreacentral|37.57 126.98
shanghai sha pvg|31.23 121.47
singapore sin sgp ap-southeast-1 asia-southeast1 southeastasia ap-southeast|1.35 103.82
sofia sof|42.70 23.32
southcarolina us-east1|33.20 -80.01
stockholm sto arn eu-north-1 swedencentral|59.33 18.07
strasbourg sbg|48.57 7.75
sydney syd ap-southeast-2 australia-southeast1 australiaeast|-33.87 151.21
taipei tpe asia-east1 ap-east-2|25.03 121.57
telaviv tlv il-central-1 me-west1|32.09 34.78
tokyo tyo nrt hnd ap-northeast-1 ap-northeast asia-northeast1 japaneast|35.68 139.69
toronto yyz northamerica-northeast2 canadacentral ca-central|43.65 -79.38
vancouver yvr|49.28 -123.12
vienna vie|48.21 16.37
vilnius vno|54.69 25.28
virginia ashburn iad us-east-1 us-east4 eastus eastus2 us-east ash washington dc|39.04 -77.49
warsaw waw eu-central-2 europe-central2 polandcentral pl-waw|52.23 21.01
zurich zrh eu-central-2 europe-west6 switzerlandnorth|47.38 8.54
eu-west eu europe|48.00 7.00
us-central|39.00 -95.00
`;

export interface Spot {
  name: string; // as people say it
  latitude: number;
  longitude: number;
}

// us-east-1 and us-east1 are not one place: hyphens count, but for cities.
const plain = (text: string) =>
  text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[^a-z0-9-]/g, "");
const spots = new Map<string, Spot>();
for (const line of table.trim().split("\n")) {
  const [names, at] = line.split("|") as [string, string];
  const [latitude, longitude] = at.split(" ").map(Number) as [number, number];
  const spot = { name: names.split(" ")[0]!, latitude, longitude };
  for (const name of names.split(" ")) if (!spots.has(plain(name))) spots.set(plain(name), spot);
}

// By the first of the names that is known: a city, "fra-1", a region, "us-east-1a".
export function spotOf(...names: (string | undefined)[]): Spot | undefined {
  for (const name of names) {
    const text = plain(name ?? "");
    const variants = [text, text.replace(/[a-z]$/, ""), text.replace(/-?\d+$/, ""), text.replace(/-/g, "")];
    for (const one of variants) {
      const found = spots.get(one);
      if (found) return found;
    }
  }
  return undefined;
}

// Equal Earth (Šavrič, Patterson, Jenny 2018), as the land was projected while building.
export function project({ latitude, longitude }: Spot): [x: number, y: number] {
  const half = Math.sqrt(3) / 2;
  const radians = Math.PI / 180;
  const angle = Math.asin(half * Math.sin(latitude * radians));
  const square = angle * angle;
  const sixth = square ** 3;
  const x =
    (longitude * radians * Math.cos(angle)) /
    (half * (1.340264 + 3 * -0.081106 * square + sixth * (7 * 0.000893 + 9 * 0.003796 * square)));
  const y = angle * (1.340264 + -0.081106 * square + sixth * (0.000893 + 0.003796 * square));
  return [world.translate[0] + world.scale * x, world.translate[1] - world.scale * y];
}

export { world };
